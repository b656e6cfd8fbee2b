/* A tool to pick, a mode to set and two amounts to measure out, all in one action; see mixed.py. */
#include "puffer_draw.h"

enum { TOOLS = 3, MODES = 2, AMOUNTS = 2 };

typedef struct {
    double tolerance;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t tool, mode;
    double targets[AMOUNTS], given[AMOUNTS]; /* in half ranges from the centre, -1 to 1 */
    int32_t picked, set;
} State;

typedef struct { /* the discrete parts first, each in alphabetical order, all of them floats */
    float mode, tool, amounts[AMOUNTS];
} Action;

typedef struct {
    float amounts[AMOUNTS], mode[MODES], tool[TOOLS];
} Observation;

static const double LOW[AMOUNTS] = {0, -20}, HIGH[AMOUNTS] = {10, -10};

static void reset(State *state, PufferRows *rows) {
    Observation *seen = rows->observations;
    puffer_zero(seen, sizeof *seen);
    state->tool = (int32_t)puffer_below(&state->rng, TOOLS);
    state->mode = (int32_t)puffer_below(&state->rng, MODES);
    state->picked = state->set = -1;
    seen->tool[state->tool] = seen->mode[state->mode] = 1;
    for (int i = 0; i < AMOUNTS; i++) {
        seen->amounts[i] = (float)(state->targets[i] = puffer_between(&state->rng, -1, 1));
        state->given[i] = 0;
    }
}

static int step(State *state, PufferRows *rows) {
    const Action *action = rows->actions;
    double right = 0;
    for (int i = 0; i < AMOUNTS; i++) {
        const double centre = (LOW[i] + HIGH[i]) / 2, half = (HIGH[i] - LOW[i]) / 2;
        const double given = (puffer_clip((double)action->amounts[i], LOW[i], HIGH[i]) - centre) / half;
        state->given[i] = given == given ? given : 0; /* not a number */
        const double error = (state->given[i] - state->targets[i]) / state->config.tolerance;
        right += 1 - puffer_clip(error * error, 0, 1);
    }
    state->picked = action->tool == (float)state->tool;
    state->set = action->mode == (float)state->mode;
    right += state->picked + state->set;
    rows->rewards[0] = rows->numbers[0] = right / (AMOUNTS + 2);
    rows->terminals[0] = 1;
    puffer_zero(rows->observations, sizeof(Observation));
    return 1;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, given = {94, 196, 255}, target = {255, 122, 89};
    const PufferColour right = {124, 210, 120};
    PufferCanvas canvas = {pixels, 32, 64};
    puffer_fill(&canvas, back);
    for (int i = 0; i < AMOUNTS; i++) {
        puffer_box(&canvas, 6 * i + 4, 2, 1, 60, dim);
        puffer_box(&canvas, 6 * i + 2, 30 + 29 * state->targets[i], 5, 3, target);
        puffer_box(&canvas, 6 * i + 3, 31 + 29 * state->given[i], 3, 1, given);
    }
    for (int i = 0; i < TOOLS; i++) puffer_box(&canvas, 15, 8 * i + 2, 6, 6, i != state->tool ? dim : state->picked > 0 ? right : target);
    for (int i = 0; i < MODES; i++) puffer_box(&canvas, 24, 8 * i + 2, 6, 6, i != state->mode ? dim : state->set > 0 ? right : target);
}

PUFFER_ENVIRONMENT(mixed);

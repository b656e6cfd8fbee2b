/* Four numbers, each to be set within bounds of its own; see continuous.py. */
#include "puffer_draw.h"

enum { NUMBERS = 4 };

typedef struct {
    double tolerance;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    double targets[NUMBERS], given[NUMBERS]; /* in half ranges from the centre, -1 to 1 */
} State;

/* Of the action (2, 2); no two alike, so entries that were mixed up can't be right. */
static const double LOW[NUMBERS] = {-1, 0, -30, 100}, HIGH[NUMBERS] = {1, 10, -10, 500};

static void reset(State *state, PufferRows *rows) {
    float *seen = rows->observations;
    for (int i = 0; i < NUMBERS; i++) {
        seen[i] = (float)(state->targets[i] = puffer_between(&state->rng, -1, 1));
        state->given[i] = 0;
    }
}

static int step(State *state, PufferRows *rows) {
    const float *actions = rows->actions;
    double off = 0;
    for (int i = 0; i < NUMBERS; i++) {
        const double centre = (LOW[i] + HIGH[i]) / 2, half = (HIGH[i] - LOW[i]) / 2;
        const double given = (puffer_clip(actions[i], LOW[i], HIGH[i]) - centre) / half;
        state->given[i] = given == given ? given : 0; /* not a number */
        const double error = (state->given[i] - state->targets[i]) / state->config.tolerance;
        off += puffer_clip(error * error, 0, 1) / NUMBERS;
    }
    rows->rewards[0] = rows->numbers[0] = 1 - off;
    rows->terminals[0] = 1;
    puffer_zero(rows->observations, 4 * NUMBERS);
    return 1;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, given = {94, 196, 255}, target = {255, 122, 89};
    PufferCanvas canvas = {pixels, 6 * NUMBERS + 2, 64};
    puffer_fill(&canvas, back);
    for (int i = 0; i < NUMBERS; i++) {
        puffer_box(&canvas, 6 * i + 4, 2, 1, 60, dim);
        puffer_box(&canvas, 6 * i + 2, 30 + 29 * state->targets[i], 5, 3, target);
        puffer_box(&canvas, 6 * i + 3, 31 + 29 * state->given[i], 3, 1, given);
    }
}

PUFFER_ENVIRONMENT(continuous);

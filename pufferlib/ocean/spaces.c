/* Four leaves of an observation, each of another type, answer the four parts of an action; see spaces.py. */
#include "puffer_draw.h"

enum { PARTS = 4, BITS = 2, LETTERS = 5, VOTES = 3 };

typedef struct {
    int32_t steps;
} Config;

typedef struct { /* Dict's keys in alphabetical order; the padding after `height` and `bits` is part of the layout */
    float height;
    struct {
        int8_t bits[BITS];
        int64_t letter;
    } nested;
    uint8_t votes[VOTES];
} Observation;

typedef struct {
    PufferRng rng;
    Config config;
    Observation shown;
    int32_t answers[PARTS], right, steps;
} State;

static const int32_t CHOICES[PARTS] = {2, 3, 4, LETTERS};

static void show(State *state, PufferRows *rows) {
    Observation *seen = &state->shown;
    int32_t *answers = state->answers;
    for (int i = 0; i < PARTS; i++) answers[i] = (int32_t)puffer_below(&state->rng, (uint32_t)CHOICES[i]);
    const double size = puffer_between(&state->rng, 0.1, 1);
    seen->height = (float)(answers[0] ? size : -size);
    for (int i = 0; i < VOTES; i++) seen->votes[i] = (uint8_t)(puffer_below(&state->rng, 128) + (i == answers[1] ? 128 : 0));
    for (int i = 0; i < BITS; i++) seen->nested.bits[i] = (int8_t)(answers[2] >> i & 1);
    seen->nested.letter = answers[3];
    puffer_copy(rows->observations, seen, sizeof *seen);
}

static void reset(State *state, PufferRows *rows) {
    state->steps = state->right = 0;
    puffer_zero(&state->shown, sizeof state->shown);
    show(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int64_t *actions = rows->actions;
    int32_t right = 0;
    for (int i = 0; i < PARTS; i++) right += actions[i] == state->answers[i];
    state->right += right;
    state->steps++;
    rows->rewards[0] = (double)right / PARTS;
    const int over = state->steps >= state->config.steps;
    if (over) {
        rows->terminals[0] = 1;
        rows->numbers[0] = (double)state->right / (PARTS * state->steps);
    }
    show(state, rows);
    return over;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {46, 50, 62}, shown = {94, 196, 255};
    PufferCanvas canvas = {pixels, 6 * PARTS + 2, 6 * LETTERS + 2};
    puffer_fill(&canvas, back);
    for (int i = 0; i < PARTS; i++)
        for (int j = 0; j < CHOICES[i]; j++)
            puffer_box(&canvas, 6 * i + 2, 6 * j + 2, 4, 4, j == state->answers[i] ? shown : dim);
}

PUFFER_ENVIRONMENT(spaces);

/* Two actions, to be mixed in a given share; see stochastic.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t steps;
    double share;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t steps, zeros;
} State;

static void reset(State *state, PufferRows *rows) {
    *(float *)rows->observations = 0;
    state->steps = state->zeros = 0;
}

static int step(State *state, PufferRows *rows) {
    const double share = state->config.share;
    const int zero = *(const int64_t *)rows->actions == 0, due = state->zeros < share * (state->steps + 1);
    rows->rewards[0] = zero == due;
    state->zeros += zero;
    state->steps++;
    *(float *)rows->observations = 0;
    if (state->steps < state->config.steps) return 0;
    /* 1 for the share, 0 for what a policy that always does the same is off by at least. */
    const double off = ((double)state->zeros / state->steps - share) / (share < 0.5 ? share : 1 - share);
    rows->numbers[0] = puffer_clip(1 - off * off, 0, 1);
    rows->terminals[0] = 1;
    return 1;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, bar = {94, 196, 255}, line = {255, 122, 89};
    PufferCanvas canvas = {pixels, 20, 64};
    puffer_fill(&canvas, back);
    puffer_box(&canvas, 8, 2, 8, 60, dim);
    if (state->steps) puffer_box(&canvas, 8, 2, 8, 60.0 * state->zeros / state->steps, bar);
    puffer_box(&canvas, 5, 2 + 60 * state->config.share, 14, 1, line);
}

PUFFER_ENVIRONMENT(stochastic);

/* One symbol is shown, and its arm pays; see bandit.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t arms;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t symbol;
    int64_t pulled; /* -1 before the pull */
} State;

static void reset(State *state, PufferRows *rows) {
    float *shown = rows->observations;
    puffer_zero(shown, 4 * state->config.arms);
    state->symbol = (int32_t)puffer_below(&state->rng, (uint32_t)state->config.arms);
    state->pulled = -1;
    shown[state->symbol] = 1;
}

static int step(State *state, PufferRows *rows) {
    state->pulled = *(const int64_t *)rows->actions;
    puffer_zero(rows->observations, 4 * state->config.arms); /* nothing is left to see: what is learned from it is wrong */
    rows->rewards[0] = rows->numbers[0] = state->pulled == state->symbol;
    rows->terminals[0] = 1;
    return 1;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, arm = {70, 76, 92}, shown = {255, 122, 89}, pulled = {94, 196, 255};
    PufferCanvas canvas = {pixels, 16, 8 * state->config.arms};
    puffer_fill(&canvas, back);
    for (int32_t i = 0; i < state->config.arms; i++) {
        puffer_box(&canvas, 2, 8 * i + 2, 4, 4, i == state->symbol ? shown : arm);
        puffer_box(&canvas, 9, 8 * i + 2, 5, 4, i == state->pulled ? pulled : arm);
    }
}

PUFFER_ENVIRONMENT(bandit);

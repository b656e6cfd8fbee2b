/* Worlds that differ by their seed alone, and stay; see seeds.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t worlds;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int64_t named; /* -1 before the answer */
} State;

/* A stream's increment comes from its seed and never changes. */
static int32_t world(const State *state) { return (int32_t)((state->rng.increment >> 33) % (uint64_t)state->config.worlds); }

static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    puffer_zero(seen, 4 * state->config.worlds);
    seen[world(state)] = 1;
}

static void reset(State *state, PufferRows *rows) {
    state->named = -1;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    state->named = *(const int64_t *)rows->actions;
    rows->rewards[0] = rows->numbers[0] = state->named == world(state);
    rows->terminals[0] = 1;
    observe(state, rows);
    return 1;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {46, 50, 62}, here = {94, 196, 255}, named = {255, 122, 89};
    PufferCanvas canvas = {pixels, 14, 6 * state->config.worlds + 2};
    puffer_fill(&canvas, back);
    for (int32_t i = 0; i < state->config.worlds; i++) {
        puffer_box(&canvas, 2, 6 * i + 2, 4, 4, i == world(state) ? here : dim);
        puffer_box(&canvas, 8, 6 * i + 2, 4, 4, i == state->named ? named : dim);
    }
}

PUFFER_ENVIRONMENT(seeds);

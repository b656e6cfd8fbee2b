/* What is taken in one episode is paid for in the next; see afterlife.py. */
#include "puffer_draw.h"

typedef struct {
    double price;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t debt;   /* outlives the episode, but not a new seed */
    uint64_t drawn; /* the random numbers' state after the last reset: another one means that they were seeded anew */
} State;

static void reset(State *state, PufferRows *rows) {
    if (state->rng.state != state->drawn) state->debt = 0;
    puffer_bits(&state->rng);
    state->drawn = state->rng.state;
    *(float *)rows->observations = 0;
}

static int step(State *state, PufferRows *rows) {
    const int takes = *(const int64_t *)rows->actions == 1;
    rows->rewards[0] = takes - (state->debt ? state->config.price : 0);
    rows->numbers[0] = takes;
    rows->terminals[0] = 1;
    state->debt = takes;
    *(float *)rows->observations = 0;
    return 1;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, debt = {255, 122, 89};
    PufferCanvas canvas = {pixels, 16, 16};
    puffer_fill(&canvas, back);
    puffer_box(&canvas, 4, 4, 8, 8, state->debt ? debt : dim);
}

PUFFER_ENVIRONMENT(afterlife);

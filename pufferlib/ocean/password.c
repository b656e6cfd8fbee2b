/* A secret to be guessed, bit by bit; see password.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t length;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t steps;
    uint32_t typed; /* bit t is what was typed at step t */
} State;

static const uint32_t SECRET = 0xB2D9u; /* lowest bit first */

static void observe(const State *state, PufferRows *rows) {
    float *place = rows->observations;
    puffer_zero(place, 4 * state->config.length);
    if (state->steps < state->config.length) place[state->steps] = 1;
}

static void reset(State *state, PufferRows *rows) {
    state->steps = 0;
    state->typed = 0;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const uint32_t bit = *(const int64_t *)rows->actions == 1;
    state->typed |= bit << state->steps;
    state->steps++;
    const int over = state->steps == state->config.length;
    if (over) {
        const uint32_t asked = (1u << state->config.length) - 1;
        const int right = state->typed == (SECRET & asked);
        rows->rewards[0] = rows->numbers[0] = right;
        rows->terminals[0] = 1;
    }
    observe(state, rows);
    return over;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {46, 50, 62}, right = {124, 210, 120}, wrong = {255, 122, 89};
    PufferCanvas canvas = {pixels, 12, 6 * state->config.length + 2};
    puffer_fill(&canvas, back);
    for (int32_t t = 0; t < state->config.length; t++) {
        const uint32_t typed = state->typed >> t & 1;
        puffer_box(&canvas, typed ? 2 : 6, 6 * t + 2, 4, 4, t >= state->steps ? dim : typed == (SECRET >> t & 1) ? right : wrong);
    }
}

PUFFER_ENVIRONMENT(password);

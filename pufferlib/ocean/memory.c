/* A symbol is shown at the start, others after it: always answer with the first; see memory.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t symbols, min_steps, max_steps;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t first, shown, steps, length, right;
} State;

static void show(State *state, PufferRows *rows) {
    float *seen = rows->observations;
    puffer_zero(seen, 4 * state->config.symbols);
    state->shown = (int32_t)puffer_below(&state->rng, (uint32_t)state->config.symbols);
    seen[state->shown] = 1;
}

static void reset(State *state, PufferRows *rows) {
    const Config *config = &state->config;
    /* The end comes unannounced, or it would tell where the next episode starts. */
    state->length = config->min_steps + (int32_t)puffer_below(&state->rng, (uint32_t)(config->max_steps - config->min_steps + 1));
    state->steps = state->right = 0;
    show(state, rows);
    state->first = state->shown;
}

static int step(State *state, PufferRows *rows) {
    const int right = *(const int64_t *)rows->actions == state->first;
    rows->rewards[0] = right;
    if (state->steps > 0) state->right += right; /* the first answer needs no memory */
    state->steps++;
    const int over = state->steps == state->length;
    if (over) {
        rows->terminals[0] = 1;
        rows->numbers[0] = (double)state->right / (state->length - 1);
    }
    show(state, rows);
    return over;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, shown = {94, 196, 255}, first = {255, 122, 89};
    PufferCanvas canvas = {pixels, 16, 8 * state->config.symbols};
    puffer_fill(&canvas, back);
    for (int32_t i = 0; i < state->config.symbols; i++) {
        puffer_box(&canvas, 2, 8 * i + 2, 4, 4, i == state->shown ? shown : dim);
        puffer_box(&canvas, 9, 8 * i + 2, 5, 4, i == state->first ? first : dim);
    }
}

PUFFER_ENVIRONMENT(memory);

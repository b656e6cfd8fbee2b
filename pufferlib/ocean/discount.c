/* A coin now, or more coins after a wait; how many decides which is worth more; see discount.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t wait;
    double little, much;
} Config;

enum { KINDS = 2 };

typedef struct {
    PufferRng rng;
    Config config;
    int32_t kind, steps, waits;
} State;

/* What is offered, and how long one has waited for it. */
static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    puffer_zero(seen, 4 * (KINDS + state->config.wait + 1));
    seen[state->kind] = 1;
    seen[KINDS + state->steps] = 1;
}

static void reset(State *state, PufferRows *rows) {
    state->kind = (int32_t)puffer_below(&state->rng, KINDS);
    state->steps = state->waits = 0;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    if (state->steps == 0) state->waits = *(const int64_t *)rows->actions == 1;
    const int over = !state->waits || state->steps == state->config.wait;
    if (over) {
        rows->rewards[0] = !state->waits ? 1 : state->kind ? state->config.much : state->config.little;
        rows->terminals[0] = 1;
        rows->numbers[0] = state->waits == state->kind;
    } else state->steps++;
    observe(state, rows);
    return over;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, coin = {255, 200, 89}, here = {94, 196, 255};
    const int32_t wait = state->config.wait;
    PufferCanvas canvas = {pixels, 20, 6 * (wait + 2) + 2};
    puffer_fill(&canvas, back);
    for (int32_t t = 0; t <= wait; t++) puffer_box(&canvas, 14, 6 * t + 2, 4, 4, t == state->steps ? here : dim);
    puffer_box(&canvas, 9, 2, 3, 3, coin);
    const double height = state->kind ? 9 : 4;
    puffer_box(&canvas, 12 - height, 6 * wait + 8, height, 4, coin);
}

PUFFER_ENVIRONMENT(discount);

/* A small prize at once, or a larger one a step later, and then it is over; see terminal.py. */
#include "puffer_draw.h"

typedef struct {
    double prize;
} Config;

enum { START, LATER, PLACES };

typedef struct {
    PufferRng rng;
    Config config;
    int32_t place;
} State;

static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    seen[START] = state->place == START;
    seen[LATER] = state->place == LATER;
}

static void reset(State *state, PufferRows *rows) {
    state->place = START;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int waits = state->place == START && *(const int64_t *)rows->actions == 1;
    if (!waits) {
        rows->rewards[0] = state->place == START ? 1 : state->config.prize;
        rows->numbers[0] = state->place == LATER;
        rows->terminals[0] = 1;
    }
    state->place = waits ? LATER : START; /* the last observation looks like the first: worth nothing, all the same */
    observe(state, rows);
    return !waits;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, here = {94, 196, 255};
    PufferCanvas canvas = {pixels, 16, 32};
    puffer_fill(&canvas, back);
    for (int i = 0; i < PLACES; i++) puffer_box(&canvas, 4, 16 * i + 4, 8, 8, i == state->place ? here : dim);
}

PUFFER_ENVIRONMENT(terminal);

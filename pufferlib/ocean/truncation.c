/* A job that pays for ever but is watched for a moment only, or a sum to leave at once; see truncation.py. */
#include "puffer_draw.h"

typedef struct {
    int32_t limit;
    double pay_off;
} Config;

enum { DOOR, JOB, PLACES };

typedef struct {
    PufferRng rng;
    Config config;
    int32_t place, steps;
} State;

static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    seen[DOOR] = state->place == DOOR;
    seen[JOB] = state->place == JOB;
}

static void reset(State *state, PufferRows *rows) {
    state->place = DOOR;
    state->steps = 0;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int leaves = state->place == DOOR && *(const int64_t *)rows->actions == 1;
    rows->rewards[0] = leaves ? state->config.pay_off : state->place == JOB;
    state->place = JOB;
    state->steps++;
    rows->terminals[0] = (uint8_t)leaves;
    rows->truncations[0] = !leaves && state->steps >= state->config.limit;
    const int over = rows->terminals[0] | rows->truncations[0];
    if (over) rows->numbers[0] = !leaves;
    observe(state, rows);
    return over;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {70, 76, 92}, here = {94, 196, 255}, coin = {255, 200, 89};
    PufferCanvas canvas = {pixels, 16, 32};
    puffer_fill(&canvas, back);
    for (int i = 0; i < PLACES; i++) puffer_box(&canvas, 4, 16 * i + 4, 8, 8, i == state->place ? here : dim);
    puffer_box(&canvas, 6, 6, 4, 4, coin);
}

PUFFER_ENVIRONMENT(truncation);

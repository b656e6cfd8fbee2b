/* Agents that are there for a step or two of many; see absent.py. */
#include "puffer_draw.h"

enum { MOST_AGENTS = 16 };
enum { NOT_YET, QUEUE, GATE, FIELD, GONE };

typedef struct {
    int32_t agents, steps;
    double prize;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t phase[MOST_AGENTS], arrival[MOST_AGENTS], steps;
} State;

/* The field looks like nothing: as an empty slot does. */
static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    for (int32_t i = 0; i < state->config.agents; i++) {
        seen[2 * i] = state->phase[i] == GATE;
        seen[2 * i + 1] = state->phase[i] == QUEUE;
    }
}

static void reset(State *state, PufferRows *rows) {
    state->steps = 0;
    for (int32_t i = 0; i < state->config.agents; i++) {
        state->arrival[i] = (int32_t)puffer_below(&state->rng, (uint32_t)state->config.steps);
        state->phase[i] = state->arrival[i] == 0 ? GATE : NOT_YET;
    }
    state->phase[0] = state->config.agents == 1 ? GATE : QUEUE;
    for (int32_t i = 0; i < state->config.agents; i++) rows->mask[i] = state->phase[i] != NOT_YET;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int64_t *actions = rows->actions;
    int32_t num_gone = 0;
    state->steps++;
    for (int32_t i = 0; i < state->config.agents; i++) {
        if (state->phase[i] == GATE && actions[i] == 1) state->phase[i] = FIELD;
        else if (state->phase[i] == GATE || state->phase[i] == FIELD) {
            rows->rewards[i] = state->phase[i] == GATE ? 1 : state->config.prize;
            rows->numbers[i] = state->phase[i] == FIELD;
            rows->terminals[i] = 1;
            state->phase[i] = GONE;
        } else if (state->phase[i] == NOT_YET && state->arrival[i] == state->steps) {
            state->phase[i] = GATE;
            rows->mask[i] = 1;
        }
        num_gone += state->phase[i] == GONE;
    }
    /* One queues until all others have gone: an environment without anyone in it would be over, PettingZoo says. */
    if (state->phase[0] == QUEUE && num_gone == state->config.agents - 1) state->phase[0] = GATE;
    observe(state, rows);
    return num_gone == state->config.agents;
}

static void render(const State *state, uint8_t *pixels) {
    static const PufferColour colours[5] = {{46, 50, 62}, {94, 196, 255}, {255, 200, 89}, {124, 210, 120}, {24, 26, 32}};
    PufferCanvas canvas = {pixels, 8, 6 * state->config.agents + 2};
    puffer_fill(&canvas, colours[GONE]);
    for (int32_t i = 0; i < state->config.agents; i++) puffer_box(&canvas, 2, 6 * i + 2, 4, 4, colours[state->phase[i]]);
}

PUFFER_ENVIRONMENT(absent);

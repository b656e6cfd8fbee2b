/* Each agent is shown a symbol of its own and has to name it; see multiagent.py. */
#include "puffer_draw.h"

enum { MOST_AGENTS = 16 };

typedef struct {
    int32_t agents, steps;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t symbols[MOST_AGENTS], right[MOST_AGENTS], steps;
} State;

static void show(State *state, PufferRows *rows) {
    const int32_t agents = state->config.agents;
    float *seen = rows->observations;
    puffer_zero(seen, 4 * (int64_t)agents * agents);
    for (int32_t i = 0; i < agents; i++) state->symbols[i] = i;
    for (int32_t i = agents - 1; i > 0; i--) { /* no two the same: another agent's answer is always wrong */
        const int32_t other = (int32_t)puffer_below(&state->rng, (uint32_t)i + 1), kept = state->symbols[i];
        state->symbols[i] = state->symbols[other];
        state->symbols[other] = kept;
    }
    for (int32_t i = 0; i < agents; i++) seen[i * agents + state->symbols[i]] = 1;
}

static void reset(State *state, PufferRows *rows) {
    state->steps = 0;
    for (int32_t i = 0; i < state->config.agents; i++) state->right[i] = 0;
    show(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int64_t *actions = rows->actions;
    state->steps++;
    const int over = state->steps >= state->config.steps;
    for (int32_t i = 0; i < state->config.agents; i++) {
        const int right = actions[i] == state->symbols[i];
        state->right[i] += right;
        rows->rewards[i] = right;
        rows->terminals[i] = (uint8_t)over;
        if (over) rows->numbers[i] = (double)state->right[i] / state->steps;
    }
    show(state, rows);
    return over;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, dim = {46, 50, 62}, shown = {94, 196, 255};
    const int32_t agents = state->config.agents;
    PufferCanvas canvas = {pixels, 6 * agents + 2, 6 * agents + 2};
    puffer_fill(&canvas, back);
    for (int32_t i = 0; i < agents; i++)
        for (int32_t j = 0; j < agents; j++)
            puffer_box(&canvas, 6 * i + 2, 6 * j + 2, 4, 4, j == state->symbols[i] ? shown : dim);
}

PUFFER_ENVIRONMENT(multiagent);

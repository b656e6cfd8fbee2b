/* Targets on the edge of a square, to be reached from its middle; see squared.py. */
#include "puffer_env.h"

enum { STAY, DOWN, UP, RIGHT, LEFT };
enum { EMPTY, AGENT, TARGET };

typedef struct {
    int32_t size; /* cells along an edge, odd */
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t row, column, steps;
    int32_t target_row, target_column;
} State;

static void observe(const State *state, PufferRows *rows) {
    const int32_t size = state->config.size;
    uint8_t *cells = rows->observations;
    puffer_zero(cells, (int64_t)size * size);
    cells[state->target_row * size + state->target_column] = TARGET;
    cells[state->row * size + state->column] = AGENT;
}

static void reset(State *state, PufferRows *rows) {
    const int32_t last = state->config.size - 1;
    state->row = state->column = last / 2;
    state->steps = 0;
    /* A cell of the edge: 4 sides of `last` cells each, counted around. */
    const int32_t place = (int32_t)puffer_below(&state->rng, 4 * (uint32_t)last), side = place / last, along = place % last;
    state->target_row = side == 0 ? 0 : side == 1 ? along : side == 2 ? last : last - along;
    state->target_column = side == 0 ? along : side == 1 ? last : side == 2 ? last - along : 0;
    observe(state, rows);
}

static int32_t distance(const State *state) {
    const int32_t rows = state->row - state->target_row, columns = state->column - state->target_column;
    const int32_t far = rows < 0 ? -rows : rows, wide = columns < 0 ? -columns : columns;
    return far > wide ? far : wide;
}

static int step(State *state, PufferRows *rows) {
    const int32_t last = state->config.size - 1;
    const int64_t action = *(const int64_t *)rows->actions;
    if (action == DOWN && state->row < last) state->row++;
    else if (action == UP && state->row > 0) state->row--;
    else if (action == RIGHT && state->column < last) state->column++;
    else if (action == LEFT && state->column > 0) state->column--;
    state->steps++;
    const int reached = state->row == state->target_row && state->column == state->target_column;
    rows->rewards[0] = reached ? 1 : -(double)distance(state) / (last * 4);
    rows->terminals[0] = (uint8_t)reached;
    rows->truncations[0] = !reached && state->steps >= 4 * last;
    if (reached || rows->truncations[0]) rows->numbers[0] = reached;
    observe(state, rows);
    return reached || rows->truncations[0];
}

static void render(const State *state, uint8_t *pixels) {
    static const uint8_t colours[3][3] = {{24, 26, 32}, {94, 196, 255}, {255, 122, 89}};
    const int32_t size = state->config.size;
    for (int32_t row = 0; row < size; row++)
        for (int32_t column = 0; column < size; column++, pixels += 3) {
            const int is_agent = row == state->row && column == state->column;
            const int is_target = row == state->target_row && column == state->target_column;
            puffer_copy(pixels, colours[is_agent ? AGENT : is_target ? TARGET : EMPTY], 3);
        }
}

PUFFER_ENVIRONMENT(squared);

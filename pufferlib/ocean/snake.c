/* Snakes on one board, each with a view that turns with it; see snake.py. */
#include "puffer_env.h"

enum { STRAIGHT, LEFT, RIGHT };
enum { EMPTY, FOOD, WALL, FIRST }; /* cells; snake i is FIRST + 2i where its body is and FIRST + 2i + 1 at its head */
enum { SEES_FOOD, SEES_WALL, SEES_OWN, SEES_BODY, SEES_HEAD, NUM_PLANES };
enum { LENGTH, EATEN, NUM_NUMBERS };
enum { ABSENT, ALIVE, DYING };
enum { START_LENGTH = 3, TRIES = 32 };

typedef struct {
    int32_t size, num_snakes, food, radius, max_steps, respawn;
} Config;

typedef struct {
    int32_t status, head, tail, target;
    int32_t direction; /* 0 up, 1 right, 2 down, 3 left */
    int32_t length, growing, eaten;
    int32_t grows; /* in this step */
} Snake;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t width; /* of the board with a margin of walls as wide as the view's radius */
    int32_t steps, food;
} State; /* then the snakes, the cells, and for each cell of a snake the direction of the next one towards the head */

static Snake *snakes_of(const State *state) { return (Snake *)(State *)(state + 1); }

static uint8_t *cells_of(const State *state) { return (uint8_t *)(snakes_of(state) + state->config.num_snakes); }

static uint8_t *towards_of(const State *state) { return cells_of(state) + state->width * state->width; }

static int64_t state_bytes(const Config *config) {
    const int64_t width = config->size + 2 * config->radius;
    const int64_t bytes = (int64_t)sizeof(State) + config->num_snakes * (int64_t)sizeof(Snake) + 2 * width * width;
    return (bytes + 63) / 64 * 64;
}

static void init(State *state, const Config *config) {
    state->config = *config;
    state->width = config->size + 2 * config->radius;
}

static int32_t delta(const State *state, int32_t direction) {
    return direction == 0 ? -state->width : direction == 1 ? 1 : direction == 2 ? state->width : -1;
}

static int32_t cell_at(const State *state, int32_t row, int32_t column) {
    return (row + state->config.radius) * state->width + column + state->config.radius;
}

/* A free cell, each as likely as the others unless the board is crowded; -1 where there is none. */
static int32_t find_free(State *state) {
    const int32_t size = state->config.size, count = size * size;
    const uint8_t *cells = cells_of(state);
    int32_t place = 0;
    for (int32_t i = 0; i < TRIES; i++) {
        place = (int32_t)puffer_below(&state->rng, (uint32_t)count);
        const int32_t cell = cell_at(state, place / size, place % size);
        if (cells[cell] == EMPTY) return cell;
    }
    for (int32_t i = 1; i < count; i++) {
        const int32_t next = (place + i) % count, cell = cell_at(state, next / size, next % size);
        if (cells[cell] == EMPTY) return cell;
    }
    return -1;
}

static int spawn(State *state, int32_t which) {
    Snake *snake = &snakes_of(state)[which];
    const int32_t cell = find_free(state);
    if (cell < 0) return 0;
    *snake = (Snake){
        .status = ALIVE, .head = cell, .tail = cell, .direction = (int32_t)puffer_below(&state->rng, 4),
        .length = 1, .growing = START_LENGTH - 1,
    };
    cells_of(state)[cell] = (uint8_t)(FIRST + 2 * which + 1);
    return 1;
}

static void add_food(State *state) {
    while (state->food < state->config.food) {
        const int32_t cell = find_free(state);
        if (cell < 0) return;
        cells_of(state)[cell] = FOOD;
        state->food++;
    }
}

/* Writes what a snake sees: planes of cells, the direction in which it moves at the top. */
static void look(const State *state, int32_t which, uint8_t *planes) {
    const Snake *snake = &snakes_of(state)[which];
    const int32_t radius = state->config.radius, side = 2 * radius + 1, area = side * side;
    if (snake->status == ABSENT) {
        puffer_zero(planes, NUM_PLANES * area);
        return;
    }
    const int32_t ahead = delta(state, snake->direction), right = delta(state, (snake->direction + 1) & 3);
    const uint8_t *corner = cells_of(state) + snake->head + radius * ahead - radius * right;
    const uint8_t own = (uint8_t)(FIRST + 2 * which);
    for (int32_t row = 0; row < side; row++, corner -= ahead)
        for (int32_t column = 0; column < side; column++, planes++) {
            const uint8_t cell = corner[column * right];
            const int is_snake = cell >= FIRST, is_head = is_snake & (cell - FIRST), is_own = cell == own;
            planes[SEES_FOOD * area] = cell == FOOD;
            planes[SEES_WALL * area] = cell == WALL;
            planes[SEES_OWN * area] = (uint8_t)is_own;
            planes[SEES_BODY * area] = (uint8_t)(is_snake & !is_head & !is_own);
            planes[SEES_HEAD * area] = (uint8_t)(is_head & (cell != own + 1));
        }
}

static void observe(const State *state, PufferRows *rows) {
    const int32_t side = 2 * state->config.radius + 1;
    uint8_t *planes = rows->observations;
    for (int32_t i = 0; i < state->config.num_snakes; i++) look(state, i, planes + (int64_t)i * NUM_PLANES * side * side);
}

static void reset(State *state, PufferRows *rows) {
    const int32_t size = state->config.size, width = state->width;
    uint8_t *cells = cells_of(state);
    for (int32_t i = 0; i < width * width; i++) cells[i] = WALL;
    for (int32_t row = 0; row < size; row++)
        for (int32_t column = 0; column < size; column++) cells[cell_at(state, row, column)] = EMPTY;
    state->steps = state->food = 0;
    for (int32_t i = 0; i < state->config.num_snakes; i++) spawn(state, i);
    add_food(state);
    observe(state, rows);
}

/* Turns a snake, draws in its tail unless it grows, and says where its head goes. */
static void aim(State *state, Snake *snake, int64_t action) {
    if (action == LEFT) snake->direction = (snake->direction + 3) & 3;
    else if (action == RIGHT) snake->direction = (snake->direction + 1) & 3;
    snake->grows = snake->growing > 0;
    if (!snake->grows) {
        cells_of(state)[snake->tail] = EMPTY;
        snake->tail += delta(state, towards_of(state)[snake->tail]);
    }
    snake->target = snake->head + delta(state, snake->direction);
}

/* A snake dies in a wall, in any snake as it lies after all tails were drawn in, and where two heads meet. */
static int is_fatal(const State *state, int32_t which) {
    const Snake *snakes = snakes_of(state);
    if (cells_of(state)[snakes[which].target] >= WALL) return 1;
    for (int32_t i = 0; i < state->config.num_snakes; i++)
        if (i != which && snakes[i].status != ABSENT && snakes[i].target == snakes[which].target) return 1;
    return 0;
}

static void clear_body(State *state, const Snake *snake) {
    for (int32_t cell = snake->tail; cell != snake->head; cell += delta(state, towards_of(state)[cell]))
        cells_of(state)[cell] = EMPTY;
    cells_of(state)[snake->head] = EMPTY;
}

/* Moves the head; 1 where it eats. */
static int advance(State *state, int32_t which) {
    Snake *snake = &snakes_of(state)[which];
    uint8_t *cells = cells_of(state);
    const int eats = cells[snake->target] == FOOD;
    towards_of(state)[snake->head] = (uint8_t)snake->direction;
    cells[snake->head] = (uint8_t)(FIRST + 2 * which);
    cells[snake->target] = (uint8_t)(FIRST + 2 * which + 1);
    snake->head = snake->target;
    snake->length += snake->grows;
    snake->growing += eats - snake->grows;
    snake->eaten += eats;
    state->food -= eats;
    return eats;
}

static void report(const Snake *snake, double *numbers) {
    numbers[LENGTH] = snake->length;
    numbers[EATEN] = snake->eaten;
}

static int step(State *state, PufferRows *rows) {
    const int32_t count = state->config.num_snakes;
    const int64_t *actions = rows->actions;
    Snake *snakes = snakes_of(state);
    int32_t num_alive = 0;
    state->steps++;
    const int is_last = state->steps >= state->config.max_steps;
    for (int32_t i = 0; i < count; i++)
        if (snakes[i].status == ALIVE) aim(state, &snakes[i], actions[i]);
    for (int32_t i = 0; i < count; i++)
        if (snakes[i].status == ALIVE && is_fatal(state, i)) snakes[i].status = DYING;
    for (int32_t i = 0; i < count; i++) {
        if (snakes[i].status == ALIVE) {
            rows->rewards[i] = advance(state, i);
            rows->truncations[i] = (uint8_t)is_last;
        } else if (snakes[i].status == DYING) {
            rows->rewards[i] = -1;
            rows->terminals[i] = 1;
            clear_body(state, &snakes[i]);
        }
        num_alive += snakes[i].status == ALIVE;
        if (rows->terminals[i] | rows->truncations[i]) report(&snakes[i], rows->numbers + i * NUM_NUMBERS);
    }
    if (state->config.respawn && !is_last)
        for (int32_t i = 0; i < count; i++)
            if (snakes[i].status == ABSENT) rows->mask[i] = (uint8_t)spawn(state, i);
    add_food(state);
    observe(state, rows);
    for (int32_t i = 0; i < count; i++)
        if (snakes[i].status == DYING) snakes[i].status = ABSENT;
    return is_last || (!num_alive && !state->config.respawn);
}

/* ---- Pixels: a cell is `scale` of them wide, the board has one cell of wall around it ---- */

static int32_t scale_of(const State *state) {
    const int32_t scale = 98 / (state->config.size + 2);
    return scale < 1 ? 1 : scale > 4 ? 4 : scale;
}

static void fill(const State *state, uint8_t *pixels, int32_t cell, int32_t top, int32_t left, int32_t height, int32_t width,
                 const uint8_t *colour) {
    const int32_t scale = scale_of(state), across = (state->config.size + 2) * scale, edge = state->config.radius - 1;
    const int32_t row = (cell / state->width - edge) * scale + top, column = (cell % state->width - edge) * scale + left;
    for (int32_t y = row; y < row + height; y++)
        for (int32_t x = column; x < column + width; x++) puffer_copy(pixels + 3 * (y * across + x), colour, 3);
}

static void render(const State *state, uint8_t *pixels) {
    static const uint8_t ground[3] = {22, 24, 30}, wall[3] = {68, 72, 84}, food[3] = {255, 96, 88}, eye[3] = {250, 250, 245};
    static const uint8_t colours[8][3] = {
        {94, 196, 255}, {126, 217, 112}, {255, 190, 84}, {198, 140, 255},
        {255, 138, 190}, {92, 222, 204}, {222, 222, 110}, {170, 178, 196},
    };
    const int32_t size = state->config.size, scale = scale_of(state), gap = scale > 2, body = scale - gap;
    const uint8_t *cells = cells_of(state), *towards = towards_of(state);
    for (int32_t row = -1; row <= size; row++)
        for (int32_t column = -1; column <= size; column++) {
            const int32_t cell = cell_at(state, row, column);
            fill(state, pixels, cell, 0, 0, scale, scale, cells[cell] == WALL ? wall : ground);
        }
    for (int32_t row = 0; row < size; row++)
        for (int32_t column = 0; column < size; column++) {
            const int32_t cell = cell_at(state, row, column), code = cells[cell];
            if (code == EMPTY) continue;
            if (code < FIRST) {
                fill(state, pixels, cell, 0, 0, body, body, food);
                continue;
            }
            const uint8_t *colour = colours[(code - FIRST) / 2 % 8];
            fill(state, pixels, cell, 0, 0, body, body, colour);
            if ((code - FIRST) % 2) {
                if (scale > 2) fill(state, pixels, cell, body / 3, body / 3, body - body / 3 * 2, body - body / 3 * 2, eye);
                continue;
            }
            /* The gap to the next cell of the same snake is closed. */
            if (!gap) continue;
            const int32_t next = towards[cell], first = next == 0 || next == 3 ? cell + delta(state, next) : cell;
            if (next == 1 || next == 3) fill(state, pixels, first, 0, body, body, gap, colour);
            else fill(state, pixels, first, body, 0, gap, body, colour);
        }
}

PUFFER_SIZED_ENVIRONMENT(snake);

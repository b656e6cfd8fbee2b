/* A ball, a paddle and a wall of bricks; see breakout.py. Lengths are pixels of the court, y points down. */
#include "puffer_draw.h"

enum { STAY, LEFT, RIGHT };
enum { COLUMNS = 12, MAX_ROWS = 8, BRICK_WIDTH = 6, BRICK_HEIGHT = 3, BRICK_TOP = 14, NUM_SCALARS = 8 };
enum { COURT_WIDTH = COLUMNS * BRICK_WIDTH, COURT_HEIGHT = 64, CEILING = 8, PADDLE_TOP = 60, EDGE = 2 };
enum { SERVE_STEPS = 10, SUBSTEPS = 4, MAX_LEVEL = 3 };
static const double BALL = 1, PADDLE_SPEED = 2.5, STEEPEST = 0.85, FASTER = 0.25; /* BALL: half its width */

typedef struct {
    int32_t rows, lives, paddle_width, max_steps;
    double ball_speed;
} Config;

typedef struct {
    PufferRng rng;
    double x, y, dx, dy, paddle; /* centres; (dx, dy) has length 1 */
    int32_t steps, lives, waiting, hits, high, total_hits, left;
    uint8_t bricks[MAX_ROWS * COLUMNS];
    Config config;
} State;

/* The ball gets faster with the 4th and 12th stroke since it was served, and once it has been in the upper two rows. */
static int32_t level(const State *state) { return (state->hits >= 4) + (state->hits >= 12) + state->high; }

static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    seen[0] = (float)(state->x / (COURT_WIDTH / 2) - 1);
    seen[1] = (float)(state->y / (COURT_HEIGHT / 2) - 1);
    seen[2] = (float)state->dx;
    seen[3] = (float)state->dy;
    seen[4] = (float)(state->paddle / (COURT_WIDTH / 2) - 1);
    seen[5] = (float)level(state) / MAX_LEVEL;
    seen[6] = (float)state->lives / (float)state->config.lives;
    seen[7] = (float)state->waiting / SERVE_STEPS;
    for (int32_t i = 0; i < state->config.rows * COLUMNS; i++) seen[NUM_SCALARS + i] = state->bricks[i];
}

static void serve(State *state) {
    state->x = puffer_between(&state->rng, BALL, COURT_WIDTH - BALL);
    state->y = 36;
    state->dx = puffer_between(&state->rng, -0.6, 0.6);
    state->dy = puffer_sqrt(1 - state->dx * state->dx);
    state->hits = state->high = 0;
    state->waiting = SERVE_STEPS;
}

static void reset(State *state, PufferRows *rows) {
    state->paddle = COURT_WIDTH / 2;
    state->steps = state->total_hits = 0;
    state->lives = state->config.lives;
    state->left = state->config.rows * COLUMNS;
    for (int32_t i = 0; i < state->left; i++) state->bricks[i] = 1;
    serve(state);
    observe(state, rows);
}

/* The brick at a place, or -1. */
static int32_t brick_at(const State *state, double x, double y) {
    if (y < BRICK_TOP || x < 0) return -1;
    const int32_t row = (int32_t)((y - BRICK_TOP) / BRICK_HEIGHT), column = (int32_t)(x / BRICK_WIDTH);
    if (row >= state->config.rows || column >= COLUMNS) return -1;
    const int32_t index = row * COLUMNS + column;
    return state->bricks[index] ? index : -1;
}

/* Breaks the first brick that a ball at (x, y) would touch: at its upper left, upper right, lower left, lower right corner. */
static int hit_brick(State *state, double x, double y) {
    for (int corner = 0; corner < 4; corner++) {
        const int32_t index = brick_at(state, corner & 1 ? x + BALL : x - BALL, corner & 2 ? y + BALL : y - BALL);
        if (index < 0) continue;
        state->bricks[index] = 0;
        state->left--;
        if (index < 2 * COLUMNS) state->high = 1;
        return 1;
    }
    return 0;
}

/* Moves the ball by a part of a step, first across, then up or down; gives the number of bricks that broke. */
static int fly(State *state, double distance) {
    int broken = 0;
    double x = state->x + state->dx * distance;
    if (x < BALL) x = 2 * BALL - x, state->dx = -state->dx;
    if (x > COURT_WIDTH - BALL) x = 2 * (COURT_WIDTH - BALL) - x, state->dx = -state->dx;
    if (hit_brick(state, x, state->y)) broken++, state->dx = -state->dx, x = state->x;
    state->x = x;

    double y = state->y + state->dy * distance;
    if (y < CEILING + BALL) y = 2 * (CEILING + BALL) - y, state->dy = -state->dy;
    if (hit_brick(state, x, y)) broken++, state->dy = -state->dy, y = state->y;
    const double reach = state->config.paddle_width / 2.0 + BALL, offset = (x - state->paddle) / reach;
    if (state->y + BALL <= PADDLE_TOP && y + BALL > PADDLE_TOP && offset >= -1 && offset <= 1) {
        /* Where the paddle is hit decides where the ball goes, not where it came from. */
        y = PADDLE_TOP - BALL;
        state->dx = STEEPEST * offset;
        state->dy = -puffer_sqrt(1 - state->dx * state->dx);
        state->hits++, state->total_hits++;
    }
    state->y = y;
    return broken;
}

static int step(State *state, PufferRows *rows) {
    const int64_t action = *(const int64_t *)rows->actions;
    const double half = state->config.paddle_width / 2.0;
    const double wanted = state->paddle + (action == LEFT ? -PADDLE_SPEED : action == RIGHT ? PADDLE_SPEED : 0);
    state->paddle = puffer_clip(wanted, half, COURT_WIDTH - half);
    state->steps++;
    if (state->waiting > 0) state->waiting--;
    else
        for (int i = 0; i < SUBSTEPS; i++)
            rows->rewards[0] += fly(state, state->config.ball_speed * (1 + FASTER * level(state)) / SUBSTEPS);
    if (state->y > COURT_HEIGHT + BALL) {
        state->lives--;
        if (state->lives > 0) serve(state);
    }
    const int over = state->lives <= 0 || state->left <= 0, cut = !over && state->steps >= state->config.max_steps;
    rows->terminals[0] = (uint8_t)over;
    rows->truncations[0] = (uint8_t)cut;
    if (over || cut) {
        rows->numbers[0] = state->left <= 0;
        rows->numbers[1] = state->total_hits;
    }
    observe(state, rows);
    return over || cut;
}

static void render(const State *state, uint8_t *pixels) {
    static const PufferColour paint[MAX_ROWS] = {
        {236, 84, 96}, {244, 134, 76}, {248, 188, 84}, {152, 206, 104}, {80, 200, 184}, {94, 160, 255}, {158, 128, 244}, {226, 120, 208},
    };
    const PufferColour back = {24, 26, 32}, wall = {70, 76, 92}, white = {236, 238, 244}, player = {94, 196, 255}, heart = {255, 122, 89};
    PufferCanvas canvas = {pixels, COURT_HEIGHT, COURT_WIDTH + 2 * EDGE};
    puffer_fill(&canvas, back);
    puffer_number(&canvas, 1, EDGE, state->config.rows * COLUMNS - state->left, white);
    for (int32_t i = 0; i < state->lives; i++) puffer_box(&canvas, 2, COURT_WIDTH + EDGE - 3 - 5 * i, 3, 3, heart);
    puffer_box(&canvas, CEILING - 1, 0, 1, canvas.width, wall);
    puffer_box(&canvas, CEILING - 1, 0, COURT_HEIGHT, 1, wall);
    puffer_box(&canvas, CEILING - 1, canvas.width - 1, COURT_HEIGHT, 1, wall);
    for (int32_t row = 0; row < state->config.rows; row++)
        for (int32_t column = 0; column < COLUMNS; column++)
            if (state->bricks[row * COLUMNS + column])
                puffer_box(&canvas, BRICK_TOP + row * BRICK_HEIGHT, EDGE + column * BRICK_WIDTH, 2, 5, paint[row]);
    const double width = state->config.paddle_width;
    puffer_box(&canvas, PADDLE_TOP, EDGE + state->paddle - width / 2, 2, width, player);
    puffer_box(&canvas, state->y - BALL, EDGE + state->x - BALL, 2 * BALL, 2 * BALL, white);
}

PUFFER_ENVIRONMENT(breakout);

/* Two paddles and a ball; see pong.py. Lengths are pixels of the court, y points down; side 0 is right, side 1 left. */
#include "puffer_draw.h"

enum { STAY, UP, DOWN };
enum { COURT_WIDTH = 80, COURT_HEIGHT = 44, BAR = 8, SERVE_STEPS = 10, SUBSTEPS = 4, NUM_OBSERVATIONS = 9 };
static const double BALL = 1, HALF_PADDLE = 4.5, PADDLE_SPEED = 2, FACE = 4; /* BALL: half its width; FACE: from the edge */
static const double SERVE_SPEED = 1.6, FASTER = 0.15, FASTEST = 3, STEEPEST = 0.85;

typedef struct {
    int32_t players, points, max_steps;
    double strength;
} Config;

typedef struct {
    PufferRng rng;
    double x, y, dx, dy, speed;  /* centre; (dx, dy) has length 1 */
    double paddle[2], aim;       /* centres; where on its paddle the scripted side wants the ball, -1 to 1 */
    int32_t score[2], steps, waiting, strokes;
    Config config;
} State;

/* Each side sees itself on the right. */
static void observe(const State *state, PufferRows *rows) {
    for (int32_t side = 0; side < state->config.players; side++) {
        float *seen = (float *)rows->observations + side * NUM_OBSERVATIONS;
        const double mirror = side == 0 ? 1 : -1;
        seen[0] = (float)(mirror * (state->x / (COURT_WIDTH / 2) - 1));
        seen[1] = (float)(state->y / (COURT_HEIGHT / 2) - 1);
        seen[2] = (float)(mirror * state->dx);
        seen[3] = (float)state->dy;
        seen[4] = (float)(state->speed / FASTEST);
        seen[5] = (float)(state->paddle[side] / (COURT_HEIGHT / 2) - 1);
        seen[6] = (float)(state->paddle[1 - side] / (COURT_HEIGHT / 2) - 1);
        seen[7] = (float)(state->score[side] - state->score[1 - side]) / (float)state->config.points;
        seen[8] = (float)state->waiting / SERVE_STEPS;
    }
}

/* Lets the ball fly from the middle towards a side. */
static void serve(State *state, int towards_right) {
    state->x = COURT_WIDTH / 2;
    state->y = puffer_between(&state->rng, COURT_HEIGHT / 4, 3 * COURT_HEIGHT / 4);
    state->dy = puffer_between(&state->rng, -0.6, 0.6);
    state->dx = puffer_sqrt(1 - state->dy * state->dy);
    if (!towards_right) state->dx = -state->dx;
    state->speed = SERVE_SPEED;
    state->aim = puffer_between(&state->rng, -0.9, 0.9);
    state->waiting = SERVE_STEPS;
}

static void reset(State *state, PufferRows *rows) {
    state->paddle[0] = state->paddle[1] = COURT_HEIGHT / 2;
    state->score[0] = state->score[1] = state->steps = state->strokes = 0;
    serve(state, (int)(puffer_bits(&state->rng) & 1));
    observe(state, rows);
}

static void move_paddle(State *state, int side, double by) {
    state->paddle[side] = puffer_clip(state->paddle[side] + by, HALF_PADDLE, COURT_HEIGHT - HALF_PADDLE);
}

/* The scripted side follows a ball that comes, at its share of an agent's speed, and goes back to the middle after a stroke. */
static double script(const State *state) {
    const double most = PADDLE_SPEED * state->config.strength;
    const double goal = state->dx < 0 ? state->y - state->aim * HALF_PADDLE : COURT_HEIGHT / 2;
    return puffer_clip(goal - state->paddle[1], -most, most);
}

/* Sends the ball back from a side's paddle, if it gets there in this part of a step. */
static void strike(State *state, int side, double x) {
    const double face = side == 0 ? COURT_WIDTH - FACE - BALL : FACE + BALL;
    const int arrives = side == 0 ? state->x <= face && x > face : state->x >= face && x < face;
    const double offset = (state->y - state->paddle[side]) / (HALF_PADDLE + BALL);
    if (!arrives || offset < -1 || offset > 1) {
        state->x = x;
        return;
    }
    state->x = face;
    state->dy = STEEPEST * offset;
    state->dx = puffer_sqrt(1 - state->dy * state->dy);
    if (side == 0) state->dx = -state->dx;
    state->speed = puffer_clip(state->speed + FASTER, 0, FASTEST);
    state->aim = puffer_between(&state->rng, -0.9, 0.9);
    state->strokes++;
}

static void fly(State *state, double distance) {
    double y = state->y + state->dy * distance;
    if (y < BALL) y = 2 * BALL - y, state->dy = -state->dy;
    if (y > COURT_HEIGHT - BALL) y = 2 * (COURT_HEIGHT - BALL) - y, state->dy = -state->dy;
    state->y = y;
    strike(state, state->dx > 0 ? 0 : 1, state->x + state->dx * distance);
}

static int step(State *state, PufferRows *rows) {
    const int64_t *actions = rows->actions;
    const double scripted = script(state); /* decided on what was there before anyone moved, as by an agent */
    for (int32_t side = 0; side < state->config.players; side++)
        move_paddle(state, side, actions[side] == UP ? -PADDLE_SPEED : actions[side] == DOWN ? PADDLE_SPEED : 0);
    if (state->config.players == 1) move_paddle(state, 1, scripted);
    state->steps++;
    if (state->waiting > 0) state->waiting--;
    else
        for (int i = 0; i < SUBSTEPS; i++) fly(state, state->speed / SUBSTEPS);
    double won = 0; /* by the right side */
    if (state->x < -BALL || state->x > COURT_WIDTH + BALL) {
        won = state->x < 0 ? 1 : -1;
        state->score[won > 0 ? 0 : 1]++;
        if (state->score[won > 0 ? 0 : 1] < state->config.points) serve(state, won > 0); /* the loser serves */
    }
    const int over = state->score[0] >= state->config.points || state->score[1] >= state->config.points;
    const int cut = !over && state->steps >= state->config.max_steps;
    for (int32_t side = 0; side < state->config.players; side++) {
        rows->rewards[side] = side == 0 ? won : -won;
        rows->terminals[side] = (uint8_t)over;
        rows->truncations[side] = (uint8_t)cut;
        if (!over && !cut) continue;
        rows->numbers[2 * side] = state->score[side] > state->score[1 - side];
        rows->numbers[2 * side + 1] = state->strokes;
    }
    observe(state, rows);
    return over || cut;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, wall = {70, 76, 92}, white = {236, 238, 244}, right = {94, 196, 255}, left = {255, 122, 89};
    PufferCanvas canvas = {pixels, COURT_HEIGHT + BAR, COURT_WIDTH};
    puffer_fill(&canvas, back);
    puffer_number(&canvas, 1, COURT_WIDTH / 4 - 2, state->score[1], left);
    puffer_number(&canvas, 1, 3 * COURT_WIDTH / 4 - 2, state->score[0], right);
    puffer_box(&canvas, BAR - 1, 0, 1, COURT_WIDTH, wall);
    for (int32_t row = BAR + 1; row < canvas.height; row += 4) puffer_box(&canvas, row, COURT_WIDTH / 2 - 0.5, 2, 1, wall);
    puffer_box(&canvas, BAR + state->paddle[1] - HALF_PADDLE, FACE - 2, 2 * HALF_PADDLE, 2, left);
    puffer_box(&canvas, BAR + state->paddle[0] - HALF_PADDLE, COURT_WIDTH - FACE, 2 * HALF_PADDLE, 2, right);
    puffer_box(&canvas, BAR + state->y - BALL, state->x - BALL, 2 * BALL, 2 * BALL, white);
}

PUFFER_ENVIRONMENT(pong);

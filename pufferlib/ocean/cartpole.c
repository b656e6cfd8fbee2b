/* A pole on a cart, to be kept upright; see cartpole.py. The arithmetic is Gymnasium's CartPole-v1, line for line. */
#include "puffer_draw.h"

static const double GRAVITY = 9.8, MASS_CART = 1.0, MASS_POLE = 0.1, HALF_LENGTH = 0.5, FORCE = 10.0, TAU = 0.02;
static const double TRACK = 2.4, TILT = 12 * 2 * 3.141592653589793 / 360; /* an episode ends beyond: metres, radians */
enum { HEIGHT = 48, WIDTH = 80 };                                         /* of a frame, pixels */

typedef struct {
    int32_t max_steps;
} Config;

typedef struct {
    PufferRng rng;
    double x, x_dot, theta, theta_dot;
    int32_t steps;
    Config config;
} State;

static void observe(const State *state, PufferRows *rows) {
    float *seen = rows->observations;
    seen[0] = (float)state->x;
    seen[1] = (float)state->x_dot;
    seen[2] = (float)state->theta;
    seen[3] = (float)state->theta_dot;
}

static void reset(State *state, PufferRows *rows) {
    state->x = puffer_between(&state->rng, -0.05, 0.05);
    state->x_dot = puffer_between(&state->rng, -0.05, 0.05);
    state->theta = puffer_between(&state->rng, -0.05, 0.05);
    state->theta_dot = puffer_between(&state->rng, -0.05, 0.05);
    state->steps = 0;
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const double mass = MASS_CART + MASS_POLE, pole = MASS_POLE * HALF_LENGTH, theta_dot = state->theta_dot;
    const double force = *(const int64_t *)rows->actions == 1 ? FORCE : -FORCE;
    /* The tilt is below 0.21 as long as an episode lasts: no need to reduce the angle. */
    const double sine = puffer_sin_near(state->theta), cosine = puffer_cos_near(state->theta);
    const double push = (force + pole * (theta_dot * theta_dot) * sine) / mass;
    const double turn = (GRAVITY * sine - cosine * push) / (HALF_LENGTH * (4.0 / 3.0 - MASS_POLE * (cosine * cosine) / mass));
    const double pull = push - pole * turn * cosine / mass;
    state->x += TAU * state->x_dot;
    state->x_dot += TAU * pull;
    state->theta += TAU * theta_dot;
    state->theta_dot += TAU * turn;
    state->steps++;
    const int fell = state->x < -TRACK || state->x > TRACK || state->theta < -TILT || state->theta > TILT;
    const int cut = state->steps >= state->config.max_steps;
    rows->rewards[0] = 1;
    rows->terminals[0] = (uint8_t)fell;
    rows->truncations[0] = (uint8_t)cut; /* both may hold on the last step, as in Gymnasium's TimeLimit */
    observe(state, rows);
    return fell | cut;
}

static void render(const State *state, uint8_t *pixels) {
    const PufferColour back = {24, 26, 32}, track = {70, 76, 92}, cart = {94, 196, 255}, wood = {255, 122, 89}, dim = {120, 128, 148};
    PufferCanvas canvas = {pixels, HEIGHT, WIDTH};
    const double scale = WIDTH / (2 * TRACK), ground = HEIGHT - 8, centre = WIDTH / 2.0 + state->x * scale;
    puffer_fill(&canvas, back);
    puffer_number(&canvas, 2, 2, state->steps, dim);
    puffer_box(&canvas, ground + 3, 0, 1, WIDTH, track);
    puffer_box(&canvas, ground - 2, centre - 6, 5, 12, cart);
    const double length = 30; /* longer than life: twice HALF_LENGTH would be 17 */
    puffer_line(&canvas, ground, centre, ground - length * puffer_cos(state->theta), centre + length * puffer_sin(state->theta), 2.4, wood);
    puffer_line(&canvas, ground, centre, ground, centre, 2.4, dim);
}

PUFFER_ENVIRONMENT(cartpole);

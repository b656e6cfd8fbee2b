/* A new maze in each episode, seen through a small window; see gridworld.py. */
#include "puffer_env.h"

enum { STAY, DOWN, UP, RIGHT, LEFT };
enum { FLOOR, WALL, GOAL, KEY, DOOR, NUM_KINDS }; /* what is in a cell; all but the floor have a plane */
enum { REACHED, EFFICIENCY };

typedef struct {
    int32_t size, radius, loops, door, max_steps;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    int32_t width; /* of the maze with a margin of walls as wide as the view's radius */
    int32_t steps, shortest, agent, goal, key, has_key;
} State; /* then (width * width) int32 distances, as many int32 to queue or stack cells in, and the cells */

static int32_t *distances_of(const State *state) { return (int32_t *)(State *)(state + 1); }

static int32_t *queue_of(const State *state) { return distances_of(state) + state->width * state->width; }

static uint8_t *cells_of(const State *state) { return (uint8_t *)(queue_of(state) + state->width * state->width); }

static int64_t state_bytes(const Config *config) {
    const int64_t width = config->size + 2 * config->radius;
    return ((int64_t)sizeof(State) + 9 * width * width + 63) / 64 * 64;
}

static void init(State *state, const Config *config) {
    state->config = *config;
    state->width = config->size + 2 * config->radius;
}

static int32_t delta(const State *state, int32_t action) {
    return action == DOWN ? state->width : action == UP ? -state->width : action == RIGHT ? 1 : action == LEFT ? -1 : 0;
}

/* Rooms lie at the odd rows and columns of the maze. */
static int32_t random_room(State *state) {
    const int32_t across = (state->config.size - 1) / 2;
    const int32_t room = (int32_t)puffer_below(&state->rng, (uint32_t)(across * across));
    return (2 * (room / across) + 1 + state->config.radius) * state->width + 2 * (room % across) + 1 + state->config.radius;
}

static int is_inside(const State *state, int32_t cell) {
    const int32_t row = cell / state->width - state->config.radius, column = cell % state->width - state->config.radius;
    return row > 0 && column > 0 && row < state->config.size - 1 && column < state->config.size - 1;
}

/* Digs from the agent's room in random directions, going back where all rooms around are open. */
static void dig(State *state) {
    uint8_t *cells = cells_of(state);
    int32_t *stack = queue_of(state), depth = 1;
    stack[0] = state->agent;
    cells[state->agent] = FLOOR;
    while (depth) {
        const int32_t room = stack[depth - 1];
        int32_t options[4], num_options = 0;
        for (int32_t action = DOWN; action <= LEFT; action++) {
            const int32_t next = room + 2 * delta(state, action);
            if (is_inside(state, next) && cells[next] == WALL) options[num_options++] = delta(state, action);
        }
        if (!num_options) {
            depth--;
            continue;
        }
        const int32_t way = options[puffer_below(&state->rng, (uint32_t)num_options)];
        cells[room + way] = cells[room + 2 * way] = FLOOR;
        stack[depth++] = room + 2 * way;
    }
}

static int is_dead_end(const State *state, int32_t room) {
    int32_t num_open = 0;
    for (int32_t action = DOWN; action <= LEFT; action++) num_open += cells_of(state)[room + delta(state, action)] != WALL;
    return num_open == 1;
}

/* Opens a wall between two rooms, unless it is open or the goal's: the goal stays at a dead end. */
static void open_wall(State *state) {
    const int32_t room = random_room(state), way = delta(state, DOWN + (int32_t)puffer_below(&state->rng, 4));
    if (!is_inside(state, room + 2 * way) || room == state->goal || room + 2 * way == state->goal) return;
    cells_of(state)[room + way] = FLOOR;
}

/* Steps from a cell to all others. */
static void measure(State *state, int32_t from) {
    const uint8_t *cells = cells_of(state);
    int32_t *distances = distances_of(state), *queue = queue_of(state), first = 0, count = 1;
    for (int32_t i = 0; i < state->width * state->width; i++) distances[i] = -1;
    queue[0] = from;
    distances[from] = 0;
    while (first < count) {
        const int32_t cell = queue[first++];
        for (int32_t action = DOWN; action <= LEFT; action++) {
            const int32_t next = cell + delta(state, action);
            if (cells[next] == WALL || distances[next] >= 0) continue;
            distances[next] = distances[cell] + 1;
            queue[count++] = next;
        }
    }
}

static void place_door(State *state) {
    uint8_t *cells = cells_of(state);
    for (int32_t action = DOWN; action <= LEFT; action++) {
        uint8_t *beside = &cells[state->goal + delta(state, action)];
        if (*beside == FLOOR) *beside = DOOR;
    }
    do state->key = random_room(state);
    while (state->key == state->agent || state->key == state->goal);
    cells[state->key] = KEY;
}

/* What lies around the agent, a plane for each kind; a key that it holds lies where it stands. */
static void observe(const State *state, PufferRows *rows) {
    const int32_t radius = state->config.radius, side = 2 * radius + 1, area = side * side;
    const uint8_t *cells = cells_of(state) + state->agent - radius * state->width - radius;
    uint8_t *planes = rows->observations;
    for (int32_t row = 0; row < side; row++, cells += state->width)
        for (int32_t column = 0; column < side; column++, planes++)
            for (int32_t kind = WALL; kind < NUM_KINDS; kind++) planes[(kind - WALL) * area] = cells[column] == kind;
    planes = rows->observations;
    if (state->has_key) planes[(KEY - WALL) * area + area / 2] = 1;
}

static void reset(State *state, PufferRows *rows) {
    uint8_t *cells = cells_of(state);
    for (int32_t i = 0; i < state->width * state->width; i++) cells[i] = WALL;
    state->steps = state->has_key = 0;
    state->agent = random_room(state);
    dig(state);
    do state->goal = random_room(state);
    while (state->goal == state->agent || !is_dead_end(state, state->goal)); /* every tree has two at least */
    for (int32_t i = 0; i < state->config.loops; i++) open_wall(state);
    cells[state->goal] = GOAL;
    if (state->config.door) place_door(state);
    measure(state, state->goal);
    state->shortest = distances_of(state)[state->agent];
    if (state->config.door) {
        state->shortest = distances_of(state)[state->key];
        measure(state, state->key);
        state->shortest += distances_of(state)[state->agent];
    }
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int64_t action = *(const int64_t *)rows->actions;
    uint8_t *cells = cells_of(state);
    const int32_t target = state->agent + delta(state, action >= DOWN && action <= LEFT ? (int32_t)action : STAY);
    if (cells[target] != WALL && (cells[target] != DOOR || state->has_key)) state->agent = target;
    if (cells[state->agent] == KEY) state->has_key = 1;
    if (cells[state->agent] != GOAL) cells[state->agent] = FLOOR; /* the key is taken, the door is open */
    state->steps++;
    const int is_there = state->agent == state->goal, is_cut = !is_there && state->steps >= state->config.max_steps;
    rows->rewards[0] = is_there - 1.0 / state->config.max_steps;
    rows->terminals[0] = (uint8_t)is_there;
    rows->truncations[0] = (uint8_t)is_cut;
    if (is_there || is_cut) {
        rows->numbers[REACHED] = is_there;
        rows->numbers[EFFICIENCY] = is_there ? (double)state->shortest / state->steps : 0;
    }
    observe(state, rows);
    return is_there || is_cut;
}

/* ---- Pixels: what the agent doesn't see is darker ---- */

static void render(const State *state, uint8_t *pixels) {
    static const uint8_t colours[NUM_KINDS][3] = {{58, 64, 78}, {146, 152, 168}, {126, 217, 112}, {255, 206, 84}, {204, 120, 62}};
    static const uint8_t agent[3] = {94, 196, 255};
    const int32_t size = state->config.size, radius = state->config.radius, width = state->width;
    const int32_t most = 96 / size, scale = most < 1 ? 1 : most > 6 ? 6 : most;
    const int32_t agent_row = state->agent / width, agent_column = state->agent % width;
    for (int32_t y = 0; y < size * scale; y++)
        for (int32_t x = 0; x < size * scale; x++, pixels += 3) {
            const int32_t row = y / scale + radius, column = x / scale + radius;
            const int32_t down = row - agent_row, right = column - agent_column;
            const int is_seen = down >= -radius && down <= radius && right >= -radius && right <= radius;
            const int is_edge = scale > 3 && (y % scale % (scale - 1) == 0 || x % scale % (scale - 1) == 0);
            const int32_t kind = cells_of(state)[row * width + column];
            const uint8_t *colour = colours[(kind == KEY || kind == GOAL) && is_edge ? FLOOR : kind];
            if (!down && !right && !is_edge) colour = agent;
            if (!down && !right && is_edge && state->has_key) colour = colours[KEY];
            for (int32_t i = 0; i < 3; i++) pixels[i] = (uint8_t)(is_seen ? colour[i] : colour[i] * 2 / 5);
        }
}

PUFFER_SIZED_ENVIRONMENT(gridworld);

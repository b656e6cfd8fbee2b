/* Four in a row, for two players or against a search; see connect4.py. */
#include "puffer_env.h"

enum { COLUMNS = 7, ROWS = 6, AREA = COLUMNS * ROWS };
enum { WON, DRAWN, NUM_NUMBERS };

typedef struct {
    int32_t players, depth, opening;
} Config;

typedef struct {
    PufferRng rng;
    Config config;
    uint64_t pieces[2]; /* a bit for each cell: bit 7 * column + row counted from below; every seventh stays 0 */
    uint64_t last;      /* the piece that was played last */
    int32_t mover, over;
} State;

typedef struct {
    int8_t action_mask[COLUMNS];
    int8_t observation[3][ROWS][COLUMNS]; /* own pieces, the other's, and ones all over if it is one's turn; from above */
} View;

static uint64_t bit(int32_t row, int32_t column) { return (uint64_t)1 << (column * 7 + row); }

/* The piece that falls into a column; 0 where it is full, or isn't there. */
static uint64_t drop(uint64_t all, int64_t column) {
    if (column < 0 || column >= COLUMNS) return 0;
    const uint64_t cells = (uint64_t)0x3F << (column * 7);
    return (all + bit(0, (int32_t)column)) & cells;
}

static int is_full(uint64_t all) { return all == 0x3F * 0x40810204081u; } /* six bits, seven times */

static int has_four(uint64_t pieces) {
    static const int32_t ways[4] = {1, 7, 6, 8}; /* up, right, down to the right, up to the right */
    for (int32_t i = 0; i < 4; i++) {
        const uint64_t pairs = pieces & (pieces >> ways[i]);
        if (pairs & (pairs >> 2 * ways[i])) return 1;
    }
    return 0;
}

/* What a position is worth to who moves, `depth` plies ahead: positive if it can be won, more the sooner, 0 if nothing is
   decided by then. Alpha-beta: exact between low and high (Knuth & Moore 1975). */
static int32_t search(uint64_t own, uint64_t other, int32_t depth, int32_t low, int32_t high) {
    static const int32_t order[COLUMNS] = {3, 2, 4, 1, 5, 0, 6};
    if (!depth || is_full(own | other)) return low > 0 ? low : high < 0 ? high : 0;
    for (int32_t i = 0; i < COLUMNS && low < high; i++) {
        const uint64_t piece = drop(own | other, order[i]);
        if (!piece) continue;
        const int32_t value = has_four(own | piece) ? depth : -search(other, own | piece, depth - 1, -high, -low);
        if (value > low) low = value;
    }
    return low < high ? low : high;
}

/* The column that the search likes best, one of several at random. */
static int32_t choose(State *state, uint64_t own, uint64_t other) {
    const int32_t depth = state->config.depth;
    int32_t best = -depth - 1, columns[COLUMNS], count = 0;
    for (int32_t column = 0; column < COLUMNS; column++) {
        const uint64_t piece = drop(own | other, column);
        if (!piece) continue;
        int32_t value = 0;
        if (depth) value = has_four(own | piece) ? depth : -search(other, own | piece, depth - 1, -depth - 1, 1 - best);
        if (value < best) continue;
        if (value > best) count = 0;
        best = value;
        columns[count++] = column;
    }
    return columns[puffer_below(&state->rng, (uint32_t)count)];
}

static void observe(const State *state, PufferRows *rows) {
    View *views = rows->observations;
    const uint64_t all = state->pieces[0] | state->pieces[1];
    for (int32_t player = 0; player < state->config.players; player++) {
        View *view = &views[player];
        const int is_mover = !state->over && player == state->mover;
        for (int32_t column = 0; column < COLUMNS; column++) {
            view->action_mask[column] = (int8_t)(is_mover ? drop(all, column) != 0 : column == 0);
            for (int32_t row = 0; row < ROWS; row++) {
                const int32_t at = column * 7 + ROWS - 1 - row;
                view->observation[0][row][column] = (int8_t)(state->pieces[player] >> at & 1);
                view->observation[1][row][column] = (int8_t)(state->pieces[!player] >> at & 1);
                view->observation[2][row][column] = (int8_t)is_mover;
            }
        }
    }
}

/* Ends the game: `winner` is a player, or -1 where it is drawn. */
static void finish(State *state, PufferRows *rows, int32_t winner) {
    state->over = 1;
    for (int32_t player = 0; player < state->config.players; player++) {
        rows->rewards[player] = winner < 0 ? 0 : winner == player ? 1 : -1;
        rows->terminals[player] = 1;
        rows->numbers[player * NUM_NUMBERS + WON] = winner == player;
        rows->numbers[player * NUM_NUMBERS + DRAWN] = winner < 0;
    }
}

static void play(State *state, PufferRows *rows, int64_t column) {
    const int32_t mover = state->mover;
    const uint64_t piece = drop(state->pieces[0] | state->pieces[1], column);
    state->pieces[mover] |= piece;
    state->last = piece;
    state->mover = !mover;
    if (!piece) finish(state, rows, !mover);
    else if (has_four(state->pieces[mover])) finish(state, rows, mover);
    else if (is_full(state->pieces[0] | state->pieces[1])) finish(state, rows, -1);
}

static void play_other(State *state, PufferRows *rows) {
    play(state, rows, choose(state, state->pieces[1], state->pieces[0]));
}

/* Plays some plies at random, and none that ends the game. */
static void open_game(State *state) {
    const int32_t count = (int32_t)puffer_below(&state->rng, (uint32_t)state->config.opening + 1);
    for (int32_t i = 0; i < count; i++) {
        const uint64_t piece = drop(state->pieces[0] | state->pieces[1], puffer_below(&state->rng, COLUMNS));
        if (!piece || has_four(state->pieces[state->mover] | piece)) return;
        state->pieces[state->mover] |= piece;
        state->last = piece;
        state->mover = !state->mover;
    }
}

static void reset(State *state, PufferRows *rows) {
    state->pieces[0] = state->pieces[1] = state->last = 0;
    state->over = 0;
    state->mover = (int32_t)puffer_below(&state->rng, 2);
    open_game(state);
    if (state->config.players == 1 && state->mover == 1) play_other(state, rows);
    observe(state, rows);
}

static int step(State *state, PufferRows *rows) {
    const int64_t *actions = rows->actions;
    play(state, rows, actions[state->config.players == 1 ? 0 : state->mover]);
    if (state->config.players == 1 && !state->over) play_other(state, rows);
    observe(state, rows);
    return state->over;
}

static void render(const State *state, uint8_t *pixels) {
    static const uint8_t board[3] = {44, 92, 196}, empty[3] = {18, 24, 40}, last[3] = {255, 255, 255};
    static const uint8_t colours[2][3] = {{240, 84, 80}, {255, 208, 84}};
    for (int32_t y = 0; y < ROWS * 8; y++)
        for (int32_t x = 0; x < COLUMNS * 8; x++, pixels += 3) {
            const uint64_t cell = bit(ROWS - 1 - y / 8, x / 8);
            const int32_t down = 2 * (y % 8) - 7, right = 2 * (x % 8) - 7, far = down * down + right * right;
            const uint8_t *colour = state->pieces[0] & cell ? colours[0] : state->pieces[1] & cell ? colours[1] : empty;
            if (far > 42) colour = board;
            else if (far <= 2 && state->last & cell) colour = last;
            puffer_copy(pixels, colour, 3);
        }
}

PUFFER_ENVIRONMENT(connect4);

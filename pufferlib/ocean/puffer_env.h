/* The interface of a native environment, and the loop that steps many copies of one.
 *
 * An environment is one C11 file. It calls no libc, allocates nothing and keeps all that it knows in a `State` that the
 * caller owns, so the same file builds into the extension and, freestanding, into WebAssembly, with the same results bit
 * for bit (-ffp-contract=off; sin, cos and random numbers are below). The file defines
 *
 *     typedef struct { int32_t size; double wind; } Config;              plain numbers; the Python file names the same ones
 *     typedef struct { PufferRng rng; Config config; ... } State;        the random numbers come first
 *     static void reset(State *state, PufferRows *rows);                 begins an episode: writes observations (and mask)
 *     static int step(State *state, PufferRows *rows);                   1 where the episode is over for everyone
 *     static void render(const State *state, uint8_t *pixels);           (height, width, 3) RGB; the size is the Python file's
 *
 * and ends with PUFFER_ENVIRONMENT(name), where name is the file's. If the config decides how much there is to know, it ends
 * with PUFFER_SIZED_ENVIRONMENT(name) instead, and defines two more:
 *
 *     static int64_t state_bytes(const Config *config);                  sizeof(State) and what lies behind it
 *     static void init(State *state, const Config *config);              once, on zeroed memory; keeps the config
 *
 * Sizes: E copies ("environments") in a batch, A agents in each, N = E * A rows.
 */
#ifndef PUFFER_ENV_H
#define PUFFER_ENV_H

#include <stddef.h>
#include <stdint.h>

/* ---- Random numbers: PCG32 (O'Neill 2014), a stream for each environment, whatever order they step in ---- */

typedef struct {
    uint64_t state, increment;
} PufferRng;

static inline uint32_t puffer_bits(PufferRng *rng) {
    const uint64_t old = rng->state;
    rng->state = old * 6364136223846793005u + rng->increment;
    const uint32_t mixed = (uint32_t)(((old >> 18) ^ old) >> 27), turn = (uint32_t)(old >> 59);
    return (mixed >> turn) | (mixed << (-turn & 31));
}

/* SplitMix64 (Steele et al. 2014): neighbouring seeds give unrelated streams. */
static inline uint64_t puffer_mix(uint64_t *seed) {
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline void puffer_seed(PufferRng *rng, uint64_t seed) {
    rng->state = puffer_mix(&seed);
    rng->increment = puffer_mix(&seed) | 1;
    puffer_bits(rng);
}

/* A whole number in [0, count), each as likely as the others (Lemire 2019); count > 0. */
static inline uint32_t puffer_below(PufferRng *rng, uint32_t count) {
    const uint32_t biased = -count % count;
    uint64_t product;
    do product = (uint64_t)puffer_bits(rng) * count;
    while ((uint32_t)product < biased);
    return (uint32_t)(product >> 32);
}

/* A number in [0, 1) with 32 random bits. */
static inline double puffer_uniform(PufferRng *rng) { return puffer_bits(rng) * 0x1p-32; }

/* A number in [low, high). */
static inline double puffer_between(PufferRng *rng, double low, double high) {
    return low + (high - low) * puffer_uniform(rng);
}

/* ---- Arithmetic without libm ---- */

static inline double puffer_sqrt(double x) { return __builtin_sqrt(x); } /* one instruction: -fno-math-errno */

static inline double puffer_clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static inline int64_t puffer_round(double x) { return (int64_t)(x < 0 ? x - 0.5 : x + 0.5); }

/* Taylor series on [-pi/4, pi/4]: what is left out is less than a unit in the last place. */
static inline double puffer_sin_near(double x) {
    const double y = x * x;
    return x + x * y * (-1 / 6.0 + y * (1 / 120.0 + y * (-1 / 5040.0 + y * (1 / 362880.0 + y * (-1 / 39916800.0
        + y * (1 / 6227020800.0 + y * (-1 / 1307674368000.0)))))));
}

static inline double puffer_cos_near(double x) {
    const double y = x * x;
    return 1 + y * (-1 / 2.0 + y * (1 / 24.0 + y * (-1 / 720.0 + y * (1 / 40320.0 + y * (-1 / 3628800.0
        + y * (1 / 479001600.0 + y * (-1 / 87178291200.0 + y * (1 / 20922789888000.0))))))));
}

/* x less the multiple of pi/2 that is nearest, whose number goes to `quarter`; |x| < 1e6. */
static inline double puffer_reduce(double x, int64_t *quarter) {
    *quarter = puffer_round(x * 0.63661977236758134308);
    const double k = (double)*quarter;
    return (x - k * 1.57079632673412561417) - k * 6.07710050650619224932e-11; /* pi/2 in two parts: k * the first is exact */
}

static inline double puffer_sin(double x) {
    int64_t quarter;
    const double r = puffer_reduce(x, &quarter);
    const double value = quarter & 1 ? puffer_cos_near(r) : puffer_sin_near(r);
    return quarter & 2 ? -value : value;
}

static inline double puffer_cos(double x) {
    int64_t quarter;
    const double r = puffer_reduce(x, &quarter);
    const double value = quarter & 1 ? puffer_sin_near(r) : puffer_cos_near(r);
    return (quarter + 1) & 2 ? -value : value;
}

/* ---- What an environment reads and writes: the rows of its A agents ---- */

typedef struct {
    void *observations;    /* reset and step write all of them; an absent agent's are zero */
    const void *actions;   /* what agents do that aren't there is to be ignored */
    double *rewards;       /* zero when step is called */
    uint8_t *terminals;    /* 1 where the agent's episode ended in the MDP's sense; zero when step is called */
    uint8_t *truncations;  /* 1 where it was cut; zero when step is called */
    uint8_t *mask;         /* 1 where the agent will act on its observation; all 1 when reset is called. An agent that ended
                              while others go on is taken out by the loop; step sets 1 for one that appears. */
    double *numbers;       /* A rows of the numbers that the Python file names: what to report of an agent's episode. Written
                              by step where an agent ends. */
    int64_t num_agents;    /* A */
} PufferRows;

/* ---- Many copies: memory, all of it the caller's ---- */

enum { PUFFER_SAME_STEP, PUFFER_NEXT_STEP, PUFFER_DISABLED };

typedef struct {
    int64_t num_agents, observation_bytes, action_bytes, state_bytes, num_numbers, autoreset;
    char *states;                                  /* (E, state_bytes) */
    char *observations, *final_observations;       /* (N, observation_bytes) */
    const char *actions;                           /* (N, action_bytes) */
    double *rewards;                               /* (N,) */
    uint8_t *terminals, *truncations, *mask;       /* (N,) */
    uint8_t *episode_over;                         /* (E,) the next step begins an episode, or the caller must */
    double *returns, *finished_returns;            /* (N,) of the episodes under way, of those that ended last */
    int64_t *lengths, *finished_lengths;           /* (N,) likewise, in steps */
    double *numbers;                               /* (N, num_numbers) of those that ended last */
} PufferBatch;

typedef struct {
    const char *name;
    int64_t config_bytes;
    int64_t (*state_bytes)(const void *config);
    void (*init)(void *state, const void *config);
    /* Begins episodes in copies [first, first + count), or in those of them that `selected` (E,) names; `seeds` (E,) new
       random numbers for those that `seeded` (E,) names. Each of the three may be NULL. */
    void (*reset)(const PufferBatch *batch, int64_t first, int64_t count, const uint8_t *selected, const uint64_t *seeds,
                  const uint8_t *seeded);
    void (*step)(const PufferBatch *batch, int64_t first, int64_t count);
    void (*render)(const void *state, uint8_t *pixels);
} PufferEnvironment;

#define PUFFER_INLINE static inline __attribute__((always_inline))

static inline void puffer_copy(void *to, const void *from, int64_t bytes) { __builtin_memcpy(to, from, (size_t)bytes); }
static inline void puffer_zero(void *to, int64_t bytes) { __builtin_memset(to, 0, (size_t)bytes); }

PUFFER_INLINE PufferRows puffer_rows(const PufferBatch *batch, int64_t env, int64_t num_agents) {
    const int64_t row = env * num_agents;
    return (PufferRows){
        .observations = batch->observations + row * batch->observation_bytes,
        .actions = batch->actions + row * batch->action_bytes,
        .rewards = batch->rewards + row,
        .terminals = batch->terminals + row,
        .truncations = batch->truncations + row,
        .mask = batch->mask + row,
        .numbers = batch->numbers + row * batch->num_numbers,
        .num_agents = num_agents,
    };
}

typedef void (*PufferReset)(void *state, PufferRows *rows);
typedef int (*PufferStep)(void *state, PufferRows *rows);

/* Begins an episode; rewards and flags stay what they are: of the step that ended the last one. */
PUFFER_INLINE void puffer_begin(const PufferBatch *batch, int64_t env, int64_t num_agents, PufferReset reset, PufferRows *rows) {
    for (int64_t i = 0; i < num_agents; i++) {
        rows->mask[i] = 1;
        batch->returns[env * num_agents + i] = 0;
        batch->lengths[env * num_agents + i] = 0;
    }
    batch->episode_over[env] = 0;
    reset(batch->states + env * batch->state_bytes, rows);
}

PUFFER_INLINE void puffer_clear(PufferRows *rows) {
    for (int64_t i = 0; i < rows->num_agents; i++) {
        rows->rewards[i] = 0;
        rows->terminals[i] = rows->truncations[i] = 0;
    }
}

PUFFER_INLINE void puffer_step_one(const PufferBatch *batch, int64_t env, int64_t num_agents, PufferReset reset, PufferStep step) {
    PufferRows rows = puffer_rows(batch, env, num_agents);
    const int64_t first = env * num_agents;
    puffer_clear(&rows);
    if (batch->autoreset == PUFFER_NEXT_STEP && batch->episode_over[env]) {
        puffer_begin(batch, env, num_agents, reset, &rows);
        return;
    }
    for (int64_t i = 0; i < num_agents; i++) batch->lengths[first + i] += rows.mask[i];
    const int over = step(batch->states + env * batch->state_bytes, &rows);
    for (int64_t i = 0; i < num_agents; i++) {
        const int64_t row = first + i;
        batch->returns[row] += rows.rewards[i];
        if (!(rows.terminals[i] | rows.truncations[i])) continue;
        batch->finished_returns[row] = batch->returns[row];
        batch->finished_lengths[row] = batch->lengths[row];
        batch->returns[row] = 0;
        batch->lengths[row] = 0;
        rows.mask[i] = 0;
        const int64_t at = row * batch->observation_bytes;
        puffer_copy(batch->final_observations + at, batch->observations + at, batch->observation_bytes);
    }
    if (!over) return;
    if (batch->autoreset == PUFFER_SAME_STEP) puffer_begin(batch, env, num_agents, reset, &rows);
    else batch->episode_over[env] = 1;
}

PUFFER_INLINE void puffer_step_all(const PufferBatch *batch, int64_t first, int64_t count, PufferReset reset, PufferStep step) {
    if (batch->num_agents == 1) /* a constant for the compiler: the loops over agents vanish */
        for (int64_t env = first; env < first + count; env++) puffer_step_one(batch, env, 1, reset, step);
    else
        for (int64_t env = first; env < first + count; env++) puffer_step_one(batch, env, batch->num_agents, reset, step);
}

PUFFER_INLINE void puffer_reset_all(const PufferBatch *batch, int64_t first, int64_t count, const uint8_t *selected,
                                    const uint64_t *seeds, const uint8_t *seeded, PufferReset reset) {
    for (int64_t env = first; env < first + count; env++) {
        if (selected && !selected[env]) continue;
        if (seeds && (!seeded || seeded[env])) puffer_seed((PufferRng *)(batch->states + env * batch->state_bytes), seeds[env]);
        PufferRows rows = puffer_rows(batch, env, batch->num_agents);
        puffer_clear(&rows);
        puffer_begin(batch, env, batch->num_agents, reset, &rows);
    }
}

/* Defines `puffer_NAME`, what the extension and the WebAssembly build find the environment by. */
#define PUFFER_ENVIRONMENT(name_)                                                                                        \
    static int64_t state_bytes(const Config *config) {                                                                   \
        (void)config;                                                                                                    \
        return sizeof(State);                                                                                            \
    }                                                                                                                    \
    static void init(State *state, const Config *config) { state->config = *config; }                                    \
    PUFFER_SIZED_ENVIRONMENT(name_)

/* The same for a file that says itself how large a State is. */
#define PUFFER_SIZED_ENVIRONMENT(name_)                                                                                  \
    _Static_assert(offsetof(State, rng) == 0, "the random numbers come first in State");                                 \
    static int64_t any_state_bytes(const void *config) { return state_bytes(config); }                                   \
    static void any_init(void *state, const void *config) { init(state, config); }                                       \
    PUFFER_INLINE void any_reset(void *state, PufferRows *rows) { reset(state, rows); }                                  \
    PUFFER_INLINE int any_step(void *state, PufferRows *rows) { return step(state, rows); }                              \
    static void reset_range(const PufferBatch *batch, int64_t first, int64_t count, const uint8_t *selected,             \
                            const uint64_t *seeds, const uint8_t *seeded) {                                              \
        puffer_reset_all(batch, first, count, selected, seeds, seeded, any_reset);                                       \
    }                                                                                                                    \
    static void step_range(const PufferBatch *batch, int64_t first, int64_t count) {                                     \
        puffer_step_all(batch, first, count, any_reset, any_step);                                                       \
    }                                                                                                                    \
    static void any_render(const void *state, uint8_t *pixels) { render(state, pixels); }                                \
    extern const PufferEnvironment puffer_##name_;                                                                       \
    const PufferEnvironment puffer_##name_ = {                                                                           \
        #name_, sizeof(Config), any_state_bytes, any_init, reset_range, step_range, any_render,                          \
    }

#endif

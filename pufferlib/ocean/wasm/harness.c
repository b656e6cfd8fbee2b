/* What a page, or Node, calls to run one native environment as WebAssembly; ocean.mjs is the other side.
 *
 * Compiled together with NAME.c for wasm32-freestanding by scripts/build_wasm.py, which passes ENVIRONMENT=puffer_NAME.
 * There is no libc: memory comes from the end of the module's own, and is never given back.
 */
#include "../puffer_env.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define PAGE 65536u

extern const PufferEnvironment ENVIRONMENT;
extern char __heap_base;

static uint64_t next_free, end; /* the end of all memory doesn't fit 32 bits */

/* `size` zeroed bytes, on a multiple of 16. Traps where there is no more memory: the caller sees a WebAssembly.RuntimeError. */
static void *take(uint64_t size) {
    if (!next_free) {
        next_free = ((uint64_t)(uintptr_t)&__heap_base + 15) / 16 * 16;
        end = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    }
    const uint64_t stop = next_free + (size + 15) / 16 * 16;
    if (stop > end) {
        const uint64_t pages = (stop - end + PAGE - 1) / PAGE;
        if (pages > UINT16_MAX || __builtin_wasm_memory_grow(0, (uintptr_t)pages) == (uintptr_t)-1) __builtin_trap();
        end += pages * PAGE;
    }
    void *start = (void *)(uintptr_t)next_free;
    next_free = stop;
    return start;
}

EXPORT(allocate) void *allocate(uint32_t size) { return take(size); }

EXPORT(config_bytes) int32_t config_bytes(void) { return (int32_t)ENVIRONMENT.config_bytes; }

/* Makes `num_envs` copies with one config; the pointers that the caller needs are fields of what comes back. */
EXPORT(make) PufferBatch *make(const void *config, int32_t num_envs, int32_t num_agents, int32_t observation_bytes,
                               int32_t action_bytes, int32_t num_numbers, int32_t autoreset) {
    const uint64_t envs = (uint64_t)num_envs, rows = envs * (uint64_t)num_agents;
    const uint32_t state_bytes = ((uint32_t)ENVIRONMENT.state_bytes(config) + 15) / 16 * 16;
    PufferBatch *batch = take(sizeof *batch);
    *batch = (PufferBatch){
        .num_agents = num_agents, .observation_bytes = observation_bytes, .action_bytes = action_bytes,
        .state_bytes = state_bytes, .num_numbers = num_numbers, .autoreset = autoreset,
        .states = take(envs * state_bytes),
        .observations = take(rows * observation_bytes),
        .final_observations = take(rows * observation_bytes),
        .actions = take(rows * action_bytes),
        .rewards = take(8 * rows), .terminals = take(rows), .truncations = take(rows), .mask = take(rows),
        .episode_over = take(envs),
        .returns = take(8 * rows), .finished_returns = take(8 * rows),
        .lengths = take(8 * rows), .finished_lengths = take(8 * rows),
        .numbers = take(8 * rows * num_numbers + 8),
    };
    for (uint32_t env = 0; env < envs; env++) ENVIRONMENT.init(batch->states + env * state_bytes, config);
    return batch;
}

/* seeds: one uint64 an environment. */
EXPORT(reset) void reset(const PufferBatch *batch, int32_t num_envs, const uint64_t *seeds) {
    ENVIRONMENT.reset(batch, 0, num_envs, 0, seeds, 0);
}

EXPORT(step) void step(const PufferBatch *batch, int32_t num_envs) { ENVIRONMENT.step(batch, 0, num_envs); }

/* pixels: (height, width, 3) uint8. */
EXPORT(render) void render(const PufferBatch *batch, int32_t env, uint8_t *pixels) {
    ENVIRONMENT.render(batch->states + env * batch->state_bytes, pixels);
}

#define FIELD(name) EXPORT(name) const void *get_##name(const PufferBatch *batch) { return batch->name; }
FIELD(observations)
FIELD(actions)
FIELD(rewards)
FIELD(terminals)
FIELD(truncations)
FIELD(mask)
FIELD(numbers)
FIELD(finished_returns)
FIELD(finished_lengths)

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

static uintptr_t next_free, end;

/* `size` zeroed bytes, on a multiple of 16; 0 where there is no more memory. */
EXPORT(allocate) void *allocate(uint32_t size) {
    if (!next_free) {
        next_free = ((uintptr_t)&__heap_base + 15) / 16 * 16;
        end = __builtin_wasm_memory_size(0) * PAGE;
    }
    const uintptr_t start = next_free, stop = start + (size + 15u) / 16 * 16;
    if (stop > end) {
        const uintptr_t pages = (stop - end + PAGE - 1) / PAGE;
        if (__builtin_wasm_memory_grow(0, pages) == (uintptr_t)-1) return 0;
        end += pages * PAGE;
    }
    next_free = stop;
    return (void *)start;
}

EXPORT(config_bytes) int32_t config_bytes(void) { return (int32_t)ENVIRONMENT.config_bytes; }

/* Makes `num_envs` copies with one config; the pointers that the caller needs are fields of what comes back. */
EXPORT(make) PufferBatch *make(const void *config, int32_t num_envs, int32_t num_agents, int32_t observation_bytes,
                               int32_t action_bytes, int32_t num_numbers, int32_t autoreset) {
    const uint32_t envs = (uint32_t)num_envs, rows = envs * (uint32_t)num_agents;
    const uint32_t state_bytes = ((uint32_t)ENVIRONMENT.state_bytes(config) + 15) / 16 * 16;
    PufferBatch *batch = allocate(sizeof *batch);
    *batch = (PufferBatch){
        .num_agents = num_agents, .observation_bytes = observation_bytes, .action_bytes = action_bytes,
        .state_bytes = state_bytes, .num_numbers = num_numbers, .autoreset = autoreset,
        .states = allocate(envs * state_bytes),
        .observations = allocate(rows * (uint32_t)observation_bytes),
        .final_observations = allocate(rows * (uint32_t)observation_bytes),
        .actions = allocate(rows * (uint32_t)action_bytes),
        .rewards = allocate(8 * rows), .terminals = allocate(rows), .truncations = allocate(rows), .mask = allocate(rows),
        .episode_over = allocate(envs),
        .returns = allocate(8 * rows), .finished_returns = allocate(8 * rows),
        .lengths = allocate(8 * rows), .finished_lengths = allocate(8 * rows),
        .numbers = allocate(8 * rows * (uint32_t)num_numbers + 8),
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

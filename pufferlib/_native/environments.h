/* A batch of native environments as Python holds it. */
#ifndef PUFFERLIB_ENVIRONMENTS_H
#define PUFFERLIB_ENVIRONMENTS_H

#include "../ocean/puffer_env.h"
#include "arrays.h"

typedef struct {
    PufferBatch batch;
    const PufferEnvironment *environment;
    int64_t num_envs;
    PyObject *arrays; /* a tuple: whose memory the batch uses */
} NativeBatch;

/* The batch in a capsule, or NULL with an error set. */
NativeBatch *native_batch_of(PyObject *capsule);

/* The batch, first and count in the first three arguments of a call, checked; or NULL with an error set. */
NativeBatch *native_range_of(PyObject *const *args, int64_t *first, int64_t *count);

/* Steps environments [first, first + count) without Python; gives how many agents' episodes ended. */
int64_t native_step(const NativeBatch *native, int64_t first, int64_t count);

#endif

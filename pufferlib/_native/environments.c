/* First-party environments for Python: batches of copies over numpy arrays, stepped without the GIL.
 *
 * setup.py passes the names of `pufferlib/ocean/NAME.c` as PUFFER_ENVIRONMENTS, an X-list: X(squared) X(bandit) ...
 * A batch is built once over arrays that Python made; afterwards a call names a range of copies and nothing else.
 */
#include "environments.h"

#define X(name) extern const PufferEnvironment puffer_##name;
PUFFER_ENVIRONMENTS
#undef X

#define X(name) &puffer_##name,
static const PufferEnvironment *const table[] = {PUFFER_ENVIRONMENTS NULL};
#undef X

#define CAPSULE "pufferlib.native_batch"

/* Finds an environment by its name, or sets an error. */
static const PufferEnvironment *find(PyObject *name) {
    if (!PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "the name of an environment is a str");
        return NULL;
    }
    for (size_t i = 0; table[i]; i++)
        if (PyUnicode_CompareWithASCIIString(name, table[i]->name) == 0) return table[i];
    PyErr_Format(PyExc_KeyError, "this build has no environment %R", name);
    return NULL;
}

static int wrong_count(const char *name, Py_ssize_t expected, Py_ssize_t got) {
    if (expected == got) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, but got %zd", name, expected, got);
    return 1;
}

/* The bytes of a config of `environment`, or NULL with an error set. */
static const void *config_of(const PufferEnvironment *environment, PyObject *object) {
    if (!PyBytes_Check(object) || PyBytes_Size(object) != environment->config_bytes)
        return PyErr_Format(PyExc_ValueError, "a config of %s is %lld bytes", environment->name,
                            (long long)environment->config_bytes);
    return PyBytes_AsString(object);
}

/* env_table() -> {name: bytes of its config} */
PyObject *puffer_env_table(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module, (void)args;
    if (wrong_count("env_table", 0, num_args)) return NULL;
    PyObject *found = PyDict_New();
    for (size_t i = 0; found && table[i]; i++) {
        PyObject *size = PyLong_FromLongLong(table[i]->config_bytes);
        if (!size || PyDict_SetItemString(found, table[i]->name, size) < 0) Py_CLEAR(found);
        Py_XDECREF(size);
    }
    return found;
}

/* env_state_bytes(name, config) -> bytes of a state */
PyObject *puffer_env_state_bytes(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_state_bytes", 2, num_args)) return NULL;
    const PufferEnvironment *environment = find(args[0]);
    const void *config = environment ? config_of(environment, args[1]) : NULL;
    return config ? PyLong_FromLongLong(environment->state_bytes(config)) : NULL;
}

static void free_batch(PyObject *capsule) {
    NativeBatch *native = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_XDECREF(native->arrays);
    PyMem_Free(native);
}

NativeBatch *native_batch_of(PyObject *capsule) { return PyCapsule_GetPointer(capsule, CAPSULE); }

/* The memory of a C-contiguous, writeable array of `size` bytes whose format is one of `formats` (NULL: any), or NULL. */
static void *memory_of(PyObject *object, const char *what, const char *formats, int64_t size) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(object, &buffer, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT) < 0) return NULL;
    void *memory = buffer.buf;
    if (formats && !(buffer.format && buffer.format[0] && !buffer.format[1] && strchr(formats, buffer.format[0]))) {
        PyErr_Format(PyExc_ValueError, "%s has the wrong dtype: its buffer's format is %s", what, buffer.format);
        memory = NULL;
    } else if (buffer.len != size || (uintptr_t)memory % (size_t)buffer.itemsize) {
        PyErr_Format(PyExc_ValueError, "%s must be %lld aligned bytes, but has %zd", what, (long long)size, buffer.len);
        memory = NULL;
    }
    PyBuffer_Release(&buffer);
    return memory;
}

/* env_batch(name, autoreset, num_envs, num_agents, observation_bytes, action_bytes, state_bytes, num_numbers, arrays) -> batch
 *
 * arrays: a tuple in the order below, kept alive by the batch; sizes are checked, contents aren't. */
PyObject *puffer_env_batch(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_batch", 9, num_args)) return NULL;
    const PufferEnvironment *environment = find(args[0]);
    if (!environment) return NULL;
    int64_t counts[7];
    for (int i = 0; i < 7; i++) {
        counts[i] = PyLong_AsLongLong(args[1 + i]);
        if (PyErr_Occurred()) return NULL;
        if (counts[i] < 0 || counts[i] > INT64_C(1) << 40) return PyErr_Format(PyExc_ValueError, "a count is out of range");
    }
    const int64_t num_envs = counts[1], num_agents = counts[2], rows = num_envs * num_agents;
    PufferBatch batch = {
        .autoreset = counts[0], .num_agents = num_agents, .observation_bytes = counts[3], .action_bytes = counts[4],
        .state_bytes = counts[5], .num_numbers = counts[6],
    };
    if (num_agents < 1 || batch.autoreset > PUFFER_DISABLED || batch.state_bytes % 8)
        return PyErr_Format(PyExc_ValueError, "env_batch: at least one agent, a known autoreset, states of whole 8 bytes");
    const struct { const char *what, *formats; int64_t size; void *field; } wanted[] = {
        {"states", NULL, num_envs * batch.state_bytes, &batch.states},
        {"observations", NULL, rows * batch.observation_bytes, &batch.observations},
        {"final_observations", NULL, rows * batch.observation_bytes, &batch.final_observations},
        {"actions", NULL, rows * batch.action_bytes, &batch.actions},
        {"rewards", "d", 8 * rows, &batch.rewards},
        {"terminals", "?B", rows, &batch.terminals},
        {"truncations", "?B", rows, &batch.truncations},
        {"mask", "?B", rows, &batch.mask},
        {"episode_over", "?B", num_envs, &batch.episode_over},
        {"returns", "d", 8 * rows, &batch.returns},
        {"finished_returns", "d", 8 * rows, &batch.finished_returns},
        {"lengths", "lq", 8 * rows, &batch.lengths},
        {"finished_lengths", "lq", 8 * rows, &batch.finished_lengths},
        {"numbers", "d", 8 * rows * batch.num_numbers, &batch.numbers},
    };
    const Py_ssize_t num_arrays = sizeof(wanted) / sizeof(*wanted);
    if (!PyTuple_Check(args[8]) || PyTuple_Size(args[8]) != num_arrays)
        return PyErr_Format(PyExc_ValueError, "env_batch: %zd arrays are needed", num_arrays);
    for (Py_ssize_t i = 0; i < num_arrays; i++) {
        void *memory = memory_of(PyTuple_GetItem(args[8], i), wanted[i].what, wanted[i].formats, wanted[i].size);
        if (!memory) return NULL;
        memcpy(wanted[i].field, &memory, sizeof memory);
    }
    NativeBatch *native = PyMem_Malloc(sizeof *native);
    if (!native) return PyErr_NoMemory();
    Py_INCREF(args[8]);
    *native = (NativeBatch){batch, environment, num_envs, args[8]};
    PyObject *capsule = PyCapsule_New(native, CAPSULE, free_batch);
    if (!capsule) {
        Py_DECREF(args[8]);
        PyMem_Free(native);
    }
    return capsule;
}

NativeBatch *native_range_of(PyObject *const *args, int64_t *first, int64_t *count) {
    NativeBatch *native = PyCapsule_GetPointer(args[0], CAPSULE);
    if (!native) return NULL;
    *first = PyLong_AsLongLong(args[1]);
    *count = PyLong_AsLongLong(args[2]);
    if (PyErr_Occurred()) return NULL;
    if (*first < 0 || *count < 0 || *first > native->num_envs - *count) {
        PyErr_Format(PyExc_IndexError, "first=%lld, count=%lld, but there are %lld environments", (long long)*first,
                     (long long)*count, (long long)native->num_envs);
        return NULL;
    }
    return native;
}

/* env_init(batch, first, count, config): states become those of an environment with this config. */
PyObject *puffer_env_init(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_init", 4, num_args)) return NULL;
    int64_t first, count;
    NativeBatch *native = native_range_of(args, &first, &count);
    const void *config = native ? config_of(native->environment, args[3]) : NULL;
    if (!config) return NULL;
    const int64_t size = native->batch.state_bytes;
    if (native->environment->state_bytes(config) > size)
        return PyErr_Format(PyExc_ValueError, "a state with this config needs more than %lld bytes", (long long)size);
    memset(native->batch.states + first * size, 0, (size_t)(count * size));
    for (int64_t env = first; env < first + count; env++) native->environment->init(native->batch.states + env * size, config);
    return Py_NewRef(Py_None);
}

/* env_reset(batch, first, count, selected, seeds, seeded); the last three are (E,) arrays or None. */
PyObject *puffer_env_reset(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_reset", 6, num_args)) return NULL;
    int64_t first, count;
    NativeBatch *native = native_range_of(args, &first, &count);
    if (!native) return NULL;
    const char *const what[] = {"selected", "seeds", "seeded"}, *const formats[] = {"?B", "LQ", "?B"};
    const void *given[3] = {NULL, NULL, NULL};
    for (int i = 0; i < 3; i++) {
        if (Py_IsNone(args[3 + i])) continue;
        given[i] = memory_of(args[3 + i], what[i], formats[i], native->num_envs * (i == 1 ? 8 : 1));
        if (!given[i]) return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    native->environment->reset(&native->batch, first, count, given[0], given[1], given[2]);
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

int64_t native_step(const NativeBatch *native, int64_t first, int64_t count) {
    const PufferBatch *batch = &native->batch;
    native->environment->step(batch, first, count);
    const int64_t stop = (first + count) * batch->num_agents;
    int64_t num_ended = 0;
    for (int64_t row = first * batch->num_agents; row < stop; row++) num_ended += batch->terminals[row] | batch->truncations[row];
    return num_ended;
}

/* env_step(batch, first, count) -> how many agents' episodes ended */
PyObject *puffer_env_step(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_step", 3, num_args)) return NULL;
    int64_t first, count, num_ended;
    NativeBatch *native = native_range_of(args, &first, &count);
    if (!native) return NULL;
    Py_BEGIN_ALLOW_THREADS
    num_ended = native_step(native, first, count);
    Py_END_ALLOW_THREADS
    return PyLong_FromLongLong(num_ended);
}

/* env_ends(batch, first, count, records): writes who ended in the last step.
 *
 * records: (num_ended, 3 + num_numbers) float64: the row, counted from the range's first; return, length, numbers. */
PyObject *puffer_env_ends(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_ends", 4, num_args)) return NULL;
    int64_t first, count;
    NativeBatch *native = native_range_of(args, &first, &count);
    if (!native) return NULL;
    const PufferBatch *batch = &native->batch;
    const int64_t width = 3 + batch->num_numbers;
    Array *records = (Array *)args[3];
    if (Py_TYPE(args[3]) != array_type || !(records->flags & ARRAY_C_CONTIGUOUS) || !(records->flags & ARRAY_WRITEABLE) ||
        records->num_dims != 2 || records->dims[1] != width || records->strides[1] != 8)
        return PyErr_Format(PyExc_ValueError, "env_ends: records must be (n, %lld) float64", (long long)width);
    double *to = (double *)records->data, *const end = to + records->dims[0] * width;
    const int64_t base = first * batch->num_agents, stop = (first + count) * batch->num_agents;
    for (int64_t row = base; row < stop && to < end; row++) {
        if (!(batch->terminals[row] | batch->truncations[row])) continue;
        to[0] = (double)(row - base);
        to[1] = batch->finished_returns[row];
        to[2] = (double)batch->finished_lengths[row];
        for (int64_t i = 0; i < batch->num_numbers; i++) to[3 + i] = batch->numbers[row * batch->num_numbers + i];
        to += width;
    }
    return PyBool_FromLong(to == end);
}

/* env_render(batch, env, pixels): draws one copy into (height, width, 3) uint8. The caller knows the size. */
PyObject *puffer_env_render(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("env_render", 4, num_args)) return NULL;
    int64_t first, count;
    NativeBatch *native = native_range_of(args, &first, &count);
    Array *pixels = (Array *)args[3];
    if (!native) return NULL;
    if (Py_TYPE(args[3]) != array_type || !(pixels->flags & ARRAY_C_CONTIGUOUS) || !(pixels->flags & ARRAY_WRITEABLE) ||
        pixels->num_dims != 3 || pixels->dims[2] != 3 || pixels->strides[2] != 1 || count != 1)
        return PyErr_Format(PyExc_ValueError, "env_render: one environment, and pixels (height, width, 3) uint8");
    native->environment->render(native->batch.states + first * native->batch.state_bytes, (uint8_t *)pixels->data);
    return Py_NewRef(Py_None);
}

/* Commands and acknowledgements between one driver and its workers, through words in shared memory.
 *
 * The driver raises a worker's command number; the worker does the work and raises its acknowledgement to the same
 * number. Both wait with a bounded spin and then sleep on a futex (elsewhere: naps that get longer), without the GIL.
 * The spin offers its core to others all the time (sched_yield), so it also serves where processes outnumber cores: a
 * switch to another process costs about a microsecond, waking a core that sleeps tens of them. But who gives way to a
 * process that computes gets the core back after some milliseconds only, where a sleeper that is woken takes it at once:
 * so whoever was kept away for long rests from spinning, each time for longer.
 * Every word that one side writes often lies on a cache line of its own. Orders: a number is published with release and
 * read with acquire, so the rows that were written before it are visible with it. The two "is asleep" flags use
 * sequential consistency: raise the number, then look at the flag; set the flag, then look at the number again.
 */
#define _GNU_SOURCE
#include "signals.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

int64_t signal_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Whether both sides of these lines nap instead of using futexes: set before there are workers, then constant. */
static int takes_naps(Line *lines) {
#ifdef __linux__
    return (int)atomic_load_explicit(&lines[DRIVER].driver.naps, memory_order_relaxed);
#else
    (void)lines;
    return 1;
#endif
}

/* How this thread finds its core: until when it doesn't spin, and for how long after the next time it was kept away. */
static _Thread_local int64_t rests_until_ns, rest_ns = REST_MIN_NS;

int signal_spin(_Atomic uint32_t *word, uint32_t value, int64_t *left_ns) {
    if (*left_ns <= 0) return 0;
    int64_t started = signal_now_ns(), now = started;
    int has_changed = 0, is_kept_away = started < rests_until_ns;
    while (!has_changed && !is_kept_away && now - started < *left_ns) {
        for (int i = 0; !has_changed && i < LOOKS; i++) {
            relax();
            has_changed = atomic_load_explicit(word, memory_order_acquire) != value;
        }
        if (has_changed) break;
        int64_t before = signal_now_ns();
        sched_yield();
        now = signal_now_ns();
        is_kept_away = now - before > KEPT_AWAY_NS;
        rests_until_ns = is_kept_away ? now + rest_ns : 0;
        rest_ns = !is_kept_away ? REST_MIN_NS : 2 * rest_ns < REST_MAX_NS ? 2 * rest_ns : REST_MAX_NS;
    }
    *left_ns -= now - started;
    return has_changed || atomic_load_explicit(word, memory_order_acquire) != value;
}

int signal_sleep(Line *lines, _Atomic uint32_t *word, uint32_t value, int64_t timeout_ns, int64_t *nap_ns) {
#ifdef __linux__
    if (!takes_naps(lines)) {
        struct timespec t = {timeout_ns / 1000000000, timeout_ns % 1000000000};
        return syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0) < 0 && errno == EINTR;
    }
#endif
    if (atomic_load_explicit(word, memory_order_acquire) != value) return 0;
    int64_t nap = *nap_ns < timeout_ns ? *nap_ns : timeout_ns;
    struct timespec t = {nap / 1000000000, nap % 1000000000};
    *nap_ns = 2 * *nap_ns < NAP_MAX_NS ? 2 * *nap_ns : NAP_MAX_NS;
    return nanosleep(&t, NULL) < 0 && errno == EINTR;
}

void signal_wake(Line *lines, _Atomic uint32_t *word) {
#ifdef __linux__
    if (!takes_naps(lines)) syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
#endif
    (void)lines, (void)word;
}

void signal_ring(Line *lines) {
    uint32_t rings = atomic_fetch_add(&lines[BELL].bell.rings, 1) + 1;
    if (!atomic_load(&lines[DRIVER].driver.is_asleep)) return;
    uint32_t wake_at = atomic_load_explicit(&lines[DRIVER].driver.wake_at, memory_order_relaxed);
    if ((int32_t)(rings - wake_at) >= 0) signal_wake(lines, &lines[BELL].bell.rings);
}

Line *signal_lines(PyObject *object, Py_ssize_t num_workers) {
    Array *array = (Array *)object;
    if (Py_TYPE(object) != array_type || !(array->flags & ARRAY_C_CONTIGUOUS) || array->num_dims != 1 ||
        array->strides[0] != 1 || (uintptr_t)array->data % LINE) {
        PyErr_SetString(PyExc_ValueError, "signals need a contiguous uint8 array that starts on a 64-byte line");
        return NULL;
    }
    if (num_workers < 1 || array->dims[0] / LINE < FIRST_WORKER + 2 * num_workers) {
        PyErr_Format(PyExc_ValueError, "%zd bytes of signals don't hold %zd workers", (Py_ssize_t)array->dims[0], num_workers);
        return NULL;
    }
    return (Line *)array->data;
}

static int wrong_count(const char *name, Py_ssize_t expected, Py_ssize_t got) {
    if (expected == got) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, but got %zd", name, expected, got);
    return 1;
}

PyObject *puffer_signal_size(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_size", 1, num_args)) return NULL;
    Py_ssize_t num_workers = PyLong_AsSsize_t(args[0]);
    if (num_workers == -1 && PyErr_Occurred()) return NULL;
    return PyLong_FromSsize_t(LINE * (FIRST_WORKER + 2 * num_workers));
}

/* signal_use_futex(lines, wanted) -> whether these lines use futexes. Called once, before there are workers. */
PyObject *puffer_signal_use_futex(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_use_futex", 2, num_args)) return NULL;
    int wanted = PyObject_IsTrue(args[1]);
    Line *lines = wanted < 0 ? NULL : signal_lines(args[0], 1);
    if (!lines) return NULL;
    atomic_store(&lines[DRIVER].driver.naps, !wanted);
    return PyBool_FromLong(!takes_naps(lines));
}

/* signal_send(lines, first, count, opcode): gives `count` consecutive workers a command. */
PyObject *puffer_signal_send(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_send", 4, num_args)) return NULL;
    Py_ssize_t first = PyLong_AsSsize_t(args[1]), count = PyLong_AsSsize_t(args[2]);
    uint32_t opcode = (uint32_t)PyLong_AsSsize_t(args[3]);
    Line *lines = PyErr_Occurred() ? NULL : signal_lines(args[0], first + count);
    if (!lines || first < 0 || count < 0) return lines ? PyErr_Format(PyExc_ValueError, "first and count must be >= 0") : NULL;
    for (Py_ssize_t w = first; w < first + count; w++) {
        Line *line = command_of(lines, w);
        atomic_store_explicit(&line->command.opcode, opcode, memory_order_relaxed);
        atomic_fetch_add(&line->command.number, 1);
        if (atomic_load(&line->command.is_asleep)) signal_wake(lines, &line->command.number);
    }
    Py_INCREF(Py_None);
    return Py_None;
}

/* signal_next(lines, worker, spin_us, timeout_s) -> opcode, or -1 after the timeout. */
PyObject *puffer_signal_next(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_next", 4, num_args)) return NULL;
    Py_ssize_t worker = PyLong_AsSsize_t(args[1]);
    int64_t spin_ns = 1000 * (int64_t)PyLong_AsSsize_t(args[2]);
    double timeout_s = PyFloat_AsDouble(args[3]);
    Line *lines = PyErr_Occurred() ? NULL : signal_lines(args[0], worker + 1);
    if (!lines) return NULL;
    Line *line = command_of(lines, worker);
    uint32_t done = atomic_load_explicit(&reply_of(lines, worker)->reply.number, memory_order_relaxed);
    int64_t deadline = signal_now_ns() + (int64_t)(timeout_s * 1e9), nap = NAP_MIN_NS;
    int arrived = atomic_load_explicit(&line->command.number, memory_order_acquire) != done;
    for (;;) {
        int interrupted = 0;
        Py_BEGIN_ALLOW_THREADS
        if (!arrived) arrived = signal_spin(&line->command.number, done, &spin_ns);
        while (!arrived && !interrupted) {
            int64_t left = deadline - signal_now_ns();
            if (left <= 0) break;
            atomic_store(&line->command.is_asleep, 1);
            arrived = atomic_load(&line->command.number) != done;
            if (!arrived) interrupted = signal_sleep(lines, &line->command.number, done, left, &nap);
            atomic_store_explicit(&line->command.is_asleep, 0, memory_order_relaxed);
            arrived = atomic_load_explicit(&line->command.number, memory_order_acquire) != done;
        }
        Py_END_ALLOW_THREADS
        if (!arrived && interrupted && PyErr_CheckSignals() < 0) return NULL;
        if (arrived) return PyLong_FromLong((long)atomic_load_explicit(&line->command.opcode, memory_order_relaxed));
        if (!interrupted) return PyLong_FromLong(-1);
    }
}

/* signal_done(lines, worker, status): acknowledges the command; wakes the driver if that is what it waits for. */
PyObject *puffer_signal_done(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_done", 3, num_args)) return NULL;
    Py_ssize_t worker = PyLong_AsSsize_t(args[1]);
    uint32_t status = (uint32_t)PyLong_AsSsize_t(args[2]);
    Line *lines = PyErr_Occurred() ? NULL : signal_lines(args[0], worker + 1);
    if (!lines) return NULL;
    Line *reply = reply_of(lines, worker);
    uint32_t number = atomic_load_explicit(&command_of(lines, worker)->command.number, memory_order_relaxed);
    atomic_store_explicit(&reply->reply.status, status, memory_order_relaxed);
    atomic_store_explicit(&reply->reply.number, number, memory_order_release);
    signal_ring(lines);
    Py_INCREF(Py_None);
    return Py_None;
}

/* signal_status(lines, worker) -> (is_done, status) */
PyObject *puffer_signal_status(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_status", 2, num_args)) return NULL;
    Py_ssize_t worker = PyLong_AsSsize_t(args[1]);
    Line *lines = PyErr_Occurred() ? NULL : signal_lines(args[0], worker + 1);
    if (!lines) return NULL;
    uint32_t done = atomic_load_explicit(&reply_of(lines, worker)->reply.number, memory_order_acquire);
    uint32_t sent = atomic_load_explicit(&command_of(lines, worker)->command.number, memory_order_relaxed);
    uint32_t status = atomic_load_explicit(&reply_of(lines, worker)->reply.status, memory_order_relaxed);
    return Py_BuildValue("(ii)", (int)(done == sent), (int)status);
}

/* What the driver waits for: `need` of the groups that `pending` marks; a group is ready when all its workers are. */
typedef struct {
    Line *lines;
    const uint8_t *pending;
    Py_ssize_t num_groups, group_size, need, cursor;
    int64_t *ready;  /* out: groups, in ring order from the cursor */
} Wait;

/* Fills wait->ready. Returns 0 when enough are ready, else the fewest acknowledgements that may still make it so. */
static uint32_t missing(const Wait *wait, Py_ssize_t *num_ready) {
    Py_ssize_t found = 0;
    uint32_t fewest = UINT32_MAX;
    for (Py_ssize_t i = 0; i < wait->num_groups && found < wait->need; i++) {
        Py_ssize_t group = (wait->cursor + i) % wait->num_groups;
        if (!wait->pending[group]) continue;
        uint32_t open = 0;
        for (Py_ssize_t w = group * wait->group_size; w < (group + 1) * wait->group_size; w++) {
            uint32_t done = atomic_load_explicit(&reply_of(wait->lines, w)->reply.number, memory_order_acquire);
            open += done != atomic_load_explicit(&command_of(wait->lines, w)->command.number, memory_order_relaxed);
        }
        if (!open) wait->ready[found++] = group;
        else if (open < fewest) fewest = open;
    }
    *num_ready = found;
    if (found >= wait->need) return 0;
    /* At least `fewest` for the next group, and one for each further group. */
    uint32_t further = (uint32_t)(wait->need - found - 1);
    return fewest == UINT32_MAX ? 1 : fewest + further;
}

/* Waits without the GIL. Returns 1 when enough groups are ready, 0 after the deadline, -1 when a signal came. */
static int wait_for(const Wait *wait, int64_t *spin_ns, int64_t deadline, Py_ssize_t *num_ready) {
    Line *bell = &wait->lines[BELL], *driver = &wait->lines[DRIVER];
    int64_t nap = NAP_MIN_NS;
    for (;;) {
        uint32_t rings = atomic_load_explicit(&bell->bell.rings, memory_order_acquire);
        uint32_t open = missing(wait, num_ready);
        if (!open) return 1;
        if (signal_spin(&bell->bell.rings, rings, spin_ns)) continue;
        int64_t left = deadline - signal_now_ns();
        if (left <= 0) return 0;
        atomic_store_explicit(&driver->driver.wake_at, rings + open, memory_order_relaxed);
        atomic_store(&driver->driver.is_asleep, 1);
        int interrupted = 0;
        if (atomic_load(&bell->bell.rings) == rings) interrupted = signal_sleep(wait->lines, &bell->bell.rings, rings, left, &nap);
        atomic_store(&driver->driver.is_asleep, 0);
        if (interrupted) return -1;
    }
}

/* signal_wait(lines, pending, group_size, need, cursor, ready, spin_us, timeout_s) -> number of ready groups found
 *
 * pending: (G,) uint8; ready: (>= need,) int64, filled with the groups found, in ring order from `cursor`. */
PyObject *puffer_signal_wait(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (wrong_count("signal_wait", 8, num_args)) return NULL;
    Py_ssize_t group_size = PyLong_AsSsize_t(args[2]), need = PyLong_AsSsize_t(args[3]), cursor = PyLong_AsSsize_t(args[4]);
    int64_t spin_ns = 1000 * (int64_t)PyLong_AsSsize_t(args[6]);
    double timeout_s = PyFloat_AsDouble(args[7]);
    Array *pending = (Array *)args[1], *ready = (Array *)args[5];
    if (PyErr_Occurred()) return NULL;
    if (Py_TYPE(args[1]) != array_type || Py_TYPE(args[5]) != array_type || pending->num_dims != 1 || ready->num_dims != 1 ||
        need < 1 || ready->dims[0] < need || group_size < 1 || cursor < 0 || pending->dims[0] < 1 ||
        ready->strides[0] != 8 || pending->strides[0] != 1)
        return PyErr_Format(PyExc_ValueError, "signal_wait: pending must be (G,) uint8, ready (need,) int64, all counts positive");
    Line *lines = signal_lines(args[0], pending->dims[0] * group_size);
    if (!lines) return NULL;
    Wait wait = {lines, (const uint8_t *)pending->data, pending->dims[0], group_size, need, cursor, (int64_t *)ready->data};
    int64_t deadline = signal_now_ns() + (int64_t)(timeout_s * 1e9);
    Py_ssize_t num_ready = 0;
    int result = missing(&wait, &num_ready) == 0;
    while (!result) {
        Py_BEGIN_ALLOW_THREADS
        result = wait_for(&wait, &spin_ns, deadline, &num_ready);
        Py_END_ALLOW_THREADS
        if (result == 0) break;
        if (result < 0) {
            if (PyErr_CheckSignals() < 0) return NULL;
            result = 0;
        }
    }
    return PyLong_FromSsize_t(num_ready);
}

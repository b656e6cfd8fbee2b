/* Threads that step native environments: each is a Python thread inside one call, `thread_serve`, without the GIL.
 *
 * A job is a range of copies. Whoever posts one splits it into contiguous shares, one a thread, the same every time; every
 * thread gets a share of every job, in order, so one number says how far all are. The lines are those of signals.c: a
 * command's number counts the jobs that were posted, a reply's those that are done.
 */
#define _GNU_SOURCE
#include "environments.h"
#include "signals.h"

enum { FIRST, COUNT, NUM_ENDED, JOB }; /* int64 words of a job */
enum { STOP = -1 };                    /* the count of a job that ends the thread */
enum { GRAIN = 64 };                   /* shares begin at multiples of so many copies, if there are many: no shared lines */
#define WATCH_NS INT64_C(500000000)

/* Arguments that all calls begin with: lines, jobs (W, capacity, JOB) int64. */
typedef struct {
    Line *lines;
    int64_t *jobs;
    Py_ssize_t num_threads, capacity;
} Team;

static int team_of(PyObject *const *args, Team *team) {
    Array *jobs = (Array *)args[1];
    if (Py_TYPE(args[1]) != array_type || !(jobs->flags & ARRAY_C_CONTIGUOUS) || jobs->num_dims != 3 || jobs->dims[0] < 1 ||
        jobs->dims[1] < 1 || jobs->dims[2] != JOB || jobs->strides[2] != 8) {
        PyErr_SetString(PyExc_ValueError, "jobs must be (threads, capacity, 3) int64");
        return -1;
    }
    Line *lines = signal_lines(args[0], jobs->dims[0]);
    *team = (Team){lines, (int64_t *)jobs->data, jobs->dims[0], jobs->dims[1]};
    return lines ? 0 : -1;
}

static int64_t *job_of(const Team *team, Py_ssize_t thread, uint32_t number) {
    return team->jobs + (thread * team->capacity + (Py_ssize_t)(number % (uint32_t)team->capacity)) * JOB;
}

/* Where share `i` of `num_shares` begins. */
static int64_t share(int64_t first, int64_t count, int64_t i, int64_t num_shares) {
    int64_t at = count * i / num_shares;
    if (i < num_shares && count >= 2 * GRAIN * num_shares) at = at / GRAIN * GRAIN;
    return first + at;
}

/* Gives every thread its share; shares count from `from`. Returns the job's ticket. */
static uint32_t post(const Team *team, int64_t first, int64_t count, int64_t from, int64_t num_shares) {
    uint32_t number = 0;
    for (Py_ssize_t thread = 0; thread < team->num_threads; thread++) {
        Line *line = command_of(team->lines, thread);
        number = atomic_load_explicit(&line->command.number, memory_order_relaxed);
        int64_t *job = job_of(team, thread, number);
        job[FIRST] = share(first, count, from + thread, num_shares);
        job[COUNT] = count == STOP ? STOP : share(first, count, from + thread + 1, num_shares) - job[FIRST];
        atomic_fetch_add(&line->command.number, 1);
        if (atomic_load(&line->command.is_asleep)) signal_wake(team->lines, &line->command.number);
    }
    return number;
}

/* How many threads have not done the job yet. */
static uint32_t count_open(const Team *team, uint32_t ticket) {
    uint32_t open = 0;
    for (Py_ssize_t thread = 0; thread < team->num_threads; thread++) {
        uint32_t done = atomic_load_explicit(&reply_of(team->lines, thread)->reply.number, memory_order_acquire);
        open += (int32_t)(done - ticket) <= 0;
    }
    return open;
}

/* Waits without the GIL until all threads have done a job. Returns 0 when a signal came before. */
static int await(const Team *team, uint32_t ticket, int64_t *spin_ns) {
    Line *bell = &team->lines[BELL], *driver = &team->lines[DRIVER];
    int64_t nap = NAP_MIN_NS;
    for (;;) {
        uint32_t rings = atomic_load_explicit(&bell->bell.rings, memory_order_acquire);
        uint32_t open = count_open(team, ticket);
        if (!open) return 1;
        if (signal_spin(&bell->bell.rings, rings, spin_ns)) continue;
        atomic_store_explicit(&driver->driver.wake_at, rings + open, memory_order_relaxed);
        atomic_store(&driver->driver.is_asleep, 1);
        int interrupted = 0;
        if (atomic_load(&bell->bell.rings) == rings)
            interrupted = signal_sleep(team->lines, &bell->bell.rings, rings, WATCH_NS, &nap);
        atomic_store(&driver->driver.is_asleep, 0);
        if (interrupted) return 0;
    }
}

/* Waits for a job, with interrupts seen; gives how many episodes ended in it, or -1 with an error set. */
static int64_t finish(const Team *team, uint32_t ticket, int64_t spin_ns) {
    int is_done = count_open(team, ticket) == 0;
    while (!is_done) {
        Py_BEGIN_ALLOW_THREADS
        is_done = await(team, ticket, &spin_ns);
        Py_END_ALLOW_THREADS
        if (!is_done && PyErr_CheckSignals() < 0) return -1;
    }
    int64_t num_ended = 0;
    for (Py_ssize_t thread = 0; thread < team->num_threads; thread++) num_ended += job_of(team, thread, ticket)[NUM_ENDED];
    return num_ended;
}

static int wrong_count(const char *name, Py_ssize_t expected, Py_ssize_t got) {
    if (expected == got) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, but got %zd", name, expected, got);
    return 1;
}

/* Does jobs until one says STOP: the whole life of a thread. */
static void serve(const Team *team, Py_ssize_t thread, const NativeBatch *native, int64_t spin_limit_ns) {
    Line *command = command_of(team->lines, thread), *reply = reply_of(team->lines, thread);
    for (;;) {
        const uint32_t done = atomic_load_explicit(&reply->reply.number, memory_order_relaxed);
        int64_t spin_ns = spin_limit_ns, nap = NAP_MIN_NS;
        int arrived = atomic_load_explicit(&command->command.number, memory_order_acquire) != done;
        if (!arrived) arrived = signal_spin(&command->command.number, done, &spin_ns);
        while (!arrived) {
            atomic_store(&command->command.is_asleep, 1);
            if (atomic_load(&command->command.number) == done)
                signal_sleep(team->lines, &command->command.number, done, WATCH_NS, &nap);
            atomic_store_explicit(&command->command.is_asleep, 0, memory_order_relaxed);
            arrived = atomic_load_explicit(&command->command.number, memory_order_acquire) != done;
        }
        int64_t *job = job_of(team, thread, done);
        const int stops = job[COUNT] == STOP;
        if (!stops) job[NUM_ENDED] = native_step(native, job[FIRST], job[COUNT]);
        atomic_store_explicit(&reply->reply.number, done + 1, memory_order_release);
        signal_ring(team->lines);
        if (stops) return;
    }
}

/* thread_serve(lines, jobs, thread, batch, spin_us): returns when the team is told to stop. */
PyObject *puffer_thread_serve(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    Team team;
    if (wrong_count("thread_serve", 5, num_args) || team_of(args, &team) < 0) return NULL;
    Py_ssize_t thread = PyLong_AsSsize_t(args[2]);
    NativeBatch *native = native_batch_of(args[3]);
    int64_t spin_ns = 1000 * PyLong_AsLongLong(args[4]);
    if (PyErr_Occurred()) return NULL;
    if (thread < 0 || thread >= team.num_threads) return PyErr_Format(PyExc_IndexError, "there is no thread %zd", thread);
    Py_BEGIN_ALLOW_THREADS
    serve(&team, thread, native, spin_ns);
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

/* thread_stop(lines, jobs): every thread ends after the jobs that were posted before. */
PyObject *puffer_thread_stop(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    Team team;
    if (wrong_count("thread_stop", 2, num_args) || team_of(args, &team) < 0) return NULL;
    post(&team, 0, STOP, 0, 1);
    return Py_NewRef(Py_None);
}

/* thread_post(lines, jobs, batch, first, count) -> ticket. At most `capacity` jobs may be under way. */
PyObject *puffer_thread_post(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    Team team;
    int64_t first, count;
    if (wrong_count("thread_post", 5, num_args) || team_of(args, &team) < 0) return NULL;
    if (!native_range_of(args + 2, &first, &count)) return NULL;
    return PyLong_FromLongLong(post(&team, first, count, 0, team.num_threads));
}

/* thread_wait(lines, jobs, ticket, spin_us) -> how many agents' episodes ended in the job */
PyObject *puffer_thread_wait(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    Team team;
    if (wrong_count("thread_wait", 4, num_args) || team_of(args, &team) < 0) return NULL;
    uint32_t ticket = (uint32_t)PyLong_AsLongLong(args[2]);
    int64_t spin_ns = 1000 * PyLong_AsLongLong(args[3]);
    int64_t num_ended = PyErr_Occurred() ? -1 : finish(&team, ticket, spin_ns);
    return num_ended < 0 ? NULL : PyLong_FromLongLong(num_ended);
}

/* thread_step(lines, jobs, batch, first, count, spin_us) -> how many agents' episodes ended
 *
 * The caller takes the first share itself. */
PyObject *puffer_thread_step(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    Team team;
    int64_t first, count;
    if (wrong_count("thread_step", 6, num_args) || team_of(args, &team) < 0) return NULL;
    NativeBatch *native = native_range_of(args + 2, &first, &count);
    int64_t spin_ns = 1000 * PyLong_AsLongLong(args[5]);
    if (!native || PyErr_Occurred()) return NULL;
    const int64_t num_shares = team.num_threads + 1, stop = share(first, count, 1, num_shares);
    const uint32_t ticket = post(&team, first, count, 1, num_shares);
    int64_t own;
    Py_BEGIN_ALLOW_THREADS
    own = native_step(native, first, stop - first);
    Py_END_ALLOW_THREADS
    int64_t others = finish(&team, ticket, spin_ns);
    return others < 0 ? NULL : PyLong_FromLongLong(own + others);
}

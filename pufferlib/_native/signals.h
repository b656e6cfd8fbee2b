/* The words that a driver and its workers, processes or threads, tell each other by; signals.c says how. */
#ifndef PUFFERLIB_SIGNALS_H
#define PUFFERLIB_SIGNALS_H

#include "arrays.h"

#include <stdatomic.h>

enum { LINE = 64, NAP_MIN_NS = 20000, NAP_MAX_NS = 2000000, LOOKS = 10 };
/* Who gives way for longer than KEPT_AWAY_NS doesn't spin for REST_MIN_NS, and twice as long each time that it happens anew. */
enum { KEPT_AWAY_NS = 100000, REST_MIN_NS = 10000000, REST_MAX_NS = 1000000000 };

typedef union { /* a cache line */
    struct { _Atomic uint32_t number, is_asleep, opcode; } command;
    struct { _Atomic uint32_t number, status; } reply;
    struct { _Atomic uint32_t rings; } bell;                 /* raised by every acknowledgement */
    struct { _Atomic uint32_t is_asleep, wake_at, naps; } driver;  /* wake the driver at this many rings */
    char bytes[LINE];
} Line;

enum { BELL, DRIVER, FIRST_WORKER }; /* lines; worker w has FIRST_WORKER + 2 w (command) and the next one (reply) */

static inline Line *command_of(Line *lines, Py_ssize_t worker) { return &lines[FIRST_WORKER + 2 * worker]; }
static inline Line *reply_of(Line *lines, Py_ssize_t worker) { return &lines[FIRST_WORKER + 2 * worker + 1]; }

/* Nanoseconds of a clock that never goes back. */
int64_t signal_now_ns(void);

/* Looks at *word until it isn't `value` any more, *left_ns, which it counts down, is used up, or other work keeps the core
 * from this thread; not more than once while it rests from that. Returns whether the word changed. */
int signal_spin(_Atomic uint32_t *word, uint32_t value, int64_t *left_ns);

/* Sleeps while *word is `value`, at most for `timeout_ns`. May wake early. Returns whether a signal came. `nap_ns` begins
 * with NAP_MIN_NS. */
int signal_sleep(Line *lines, _Atomic uint32_t *word, uint32_t value, int64_t timeout_ns, int64_t *nap_ns);

/* Wakes who sleeps on the word. */
void signal_wake(Line *lines, _Atomic uint32_t *word);

/* Raises the bell for an acknowledgement, and wakes the driver if that is what it waits for. */
void signal_ring(Line *lines);

/* The lines in a (n,) uint8 array that starts on a cache line, or NULL with an error set. */
Line *signal_lines(PyObject *object, Py_ssize_t num_workers);

#endif

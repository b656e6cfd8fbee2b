/* Generalised advantage estimation over a time-major rollout: `core.advantage`. */
#include "buffers.h"

/* Rows that are swept together: their running sums stay in a small array on the stack. */
#define BLOCK 64

enum { REWARDS, VALUES, FINAL_VALUES, TERMINALS, TRUNCATIONS, ALIVE, ADVANTAGES, NUM_BUFFERS };

static const char *const buffer_names[NUM_BUFFERS] = {
    "rewards", "values", "final_values", "terminals", "truncations", "alive", "advantages",
};

/* Sweeps rows [first, first + count) of T steps backwards. Sums are doubles, so long rollouts stay exact. */
static void sweep(void *const *data, Py_ssize_t num_steps, Py_ssize_t num_rows, Py_ssize_t first, Py_ssize_t count,
                  double gamma, double gae_lambda) {
    const float *rewards = data[REWARDS], *values = data[VALUES], *final_values = data[FINAL_VALUES];
    const uint8_t *terminals = data[TERMINALS], *truncations = data[TRUNCATIONS], *alive = data[ALIVE];
    float *advantages = data[ADVANTAGES];
    double carried[BLOCK] = {0.0};

    for (Py_ssize_t t = num_steps - 1; t >= 0; t--) {
        for (Py_ssize_t i = 0; i < count; i++) {
            const Py_ssize_t at = t * num_rows + first + i;
            double next_value = (double)values[at + num_rows];
            double next_advantage = carried[i];
            if (truncations[at]) {
                next_value = (double)final_values[at];
                next_advantage = 0.0;
            }
            if (terminals[at]) {
                next_value = 0.0;
                next_advantage = 0.0;
            }
            const double delta = (double)rewards[at] + gamma * next_value - (double)values[at];
            const double advantage = delta + gamma * gae_lambda * next_advantage;
            carried[i] = alive[at] ? advantage : 0.0;
            advantages[at] = (float)carried[i];
        }
    }
}

PyObject *puffer_advantage(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
    (void)self;
    if (nargs != NUM_BUFFERS + 3) {
        PyErr_SetString(PyExc_TypeError, "advantage() takes 7 arrays, num_steps, gamma and gae_lambda");
        return NULL;
    }
    const Py_ssize_t num_steps = PyLong_AsSsize_t(args[NUM_BUFFERS]);
    const double gamma = PyFloat_AsDouble(args[NUM_BUFFERS + 1]);
    const double gae_lambda = PyFloat_AsDouble(args[NUM_BUFFERS + 2]);
    if (PyErr_Occurred()) return NULL;

    Py_buffer views[NUM_BUFFERS];
    void *data[NUM_BUFFERS];
    PyObject *result = NULL;
    if (buffers_hold(args, NUM_BUFFERS, ADVANTAGES, views) < 0) return NULL;
    for (int b = 0; b < NUM_BUFFERS; b++) data[b] = views[b].buf;

    if (num_steps < 1 || views[ALIVE].len % num_steps) {
        PyErr_SetString(PyExc_ValueError, "advantage(): num_steps doesn't divide the rollout");
        goto release;
    }
    const Py_ssize_t size = views[ALIVE].len, num_rows = size / num_steps;
    for (int b = 0; b < NUM_BUFFERS; b++) {
        const Py_ssize_t item = (b == TERMINALS || b == TRUNCATIONS || b == ALIVE) ? 1 : (Py_ssize_t)sizeof(float);
        const Py_ssize_t expected = (b == VALUES ? size + num_rows : size) * item;
        if (views[b].len != expected || views[b].itemsize != item) {
            PyErr_Format(PyExc_ValueError, "advantage(): %s has %zd bytes, expected %zd", buffer_names[b],
                         views[b].len, expected);
            goto release;
        }
    }
    for (Py_ssize_t first = 0; first < num_rows; first += BLOCK) {
        const Py_ssize_t left = num_rows - first;
        sweep(data, num_steps, num_rows, first, left < BLOCK ? left : BLOCK, gamma, gae_lambda);
    }
    Py_INCREF(Py_None);
    result = Py_None;

release:
    buffers_release(views, NUM_BUFFERS);
    return result;
}

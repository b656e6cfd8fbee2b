/* Draws one discrete action a row from logits: `core.draw`. The readable form is `_sample_discrete` of pytorch.py.
 *
 * B rows, n choices. The Gumbel-max trick: the largest logit - ln(-ln u), u uniform in (0, 1), is drawn with the softmax's
 * probabilities; so is the largest e^logit / -ln u, with a logarithm less. Logits of -inf are choices that can't be made.
 * Arithmetic is in doubles.
 */
#include "buffers.h"
#include "exponentials.h"

enum { LOGITS, UNIFORMS, ACTIONS, LOG_PROBS, NUM_BUFFERS };

static const char *const buffer_names[NUM_BUFFERS] = {"logits", "uniforms", "actions", "log_probs"};

static void draw(const float *logits, const float *uniforms, Py_ssize_t num_choices, int64_t *action, float *log_prob) {
    double highest = (double)logits[0], best = -1, total = 0;
    int64_t taken = 0;
    for (Py_ssize_t j = 1; j < num_choices; j++) highest = (double)logits[j] > highest ? (double)logits[j] : highest;
    for (Py_ssize_t j = 0; j < num_choices; j++) {
        const double weight = exponential((double)logits[j] - highest), score = weight / -logarithm((double)uniforms[j]);
        total += weight;
        if (score > best) {
            best = score;
            taken = j;
        }
    }
    *action = taken;
    *log_prob = (float)((double)logits[taken] - highest - logarithm(total));
}

PyObject *puffer_draw(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
    (void)self;
    if (nargs != NUM_BUFFERS) {
        PyErr_SetString(PyExc_TypeError, "draw() takes 4 arrays");
        return NULL;
    }
    Py_buffer views[NUM_BUFFERS];
    PyObject *result = NULL;
    if (buffers_hold(args, NUM_BUFFERS, ACTIONS, views) < 0) return NULL;
    const Py_ssize_t num_rows = views[ACTIONS].len / (Py_ssize_t)sizeof(int64_t);
    const Py_ssize_t num_choices = num_rows ? views[LOGITS].len / (num_rows * (Py_ssize_t)sizeof(float)) : 0;
    for (int b = 0; b < NUM_BUFFERS; b++) {
        const Py_ssize_t item = b == ACTIONS ? (Py_ssize_t)sizeof(int64_t) : (Py_ssize_t)sizeof(float);
        const Py_ssize_t size = (b == LOGITS || b == UNIFORMS ? num_rows * num_choices : num_rows) * item;
        if (views[b].len != size || views[b].itemsize != item || num_choices < 1) {
            PyErr_Format(PyExc_ValueError, "draw(): %s has %zd bytes, expected %zd for %zd rows of %zd choices", buffer_names[b],
                         views[b].len, size, num_rows, num_choices);
            goto release;
        }
    }
    for (Py_ssize_t row = 0; row < num_rows; row++)
        draw((const float *)views[LOGITS].buf + row * num_choices, (const float *)views[UNIFORMS].buf + row * num_choices,
             num_choices, (int64_t *)views[ACTIONS].buf + row, (float *)views[LOG_PROBS].buf + row);
    Py_INCREF(Py_None);
    result = Py_None;

release:
    buffers_release(views, NUM_BUFFERS);
    return result;
}

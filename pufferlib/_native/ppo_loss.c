/* PPO's loss and its gradient for one discrete action a sample: `core.ppo_loss`. The readable form is training/loss.py.
 *
 * M samples, n choices, at most MOST_CHOICES: more are faster in PyTorch. Arithmetic is in doubles; logits of -inf are choices that can't be made.
 */
#include "buffers.h"

#define MOST_CHOICES 64

enum { LOGITS, VALUES, ACTIONS, OLD_LOG_PROBS, OLD_VALUES, ADVANTAGES, RETURNS, GRAD_LOGITS, GRAD_VALUES, METRICS, NUM_BUFFERS };
enum { CLIP, CLIP_VALUE, VALUE_COEF, ENTROPY_COEF, NORMALIZE, NUM_OPTIONS };
enum { LOSS, POLICY_LOSS, VALUE_LOSS, ENTROPY, KL, CLIP_FRACTION, NUM_METRICS };

static const char *const buffer_names[NUM_BUFFERS] = {
    "logits", "values", "actions", "log_probs", "old_values", "advantages", "returns", "grad_logits", "grad_values", "metrics",
};

/* e^x within 1e-15 of itself: 2^k e^r with |r| <= ln(2) / 2. 0 below -700, and stays finite up to 700. */
static inline double exponential(double x) {
    if (!(x > -700)) return x != x ? x : 0;
    if (x > 700) x = 700;
    const double scaled = x * 1.44269504088896340736;
    const int64_t k = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    const double r = (x - (double)k * 6.93147180369123816490e-01) - (double)k * 1.90821492927058770002e-10;
    double sum = 1 / 479001600.0; /* Taylor's series to r^12 */
    static const double factors[12] = {1, 1, 1 / 2.0, 1 / 6.0, 1 / 24.0, 1 / 120.0, 1 / 720.0, 1 / 5040.0, 1 / 40320.0,
                                       1 / 362880.0, 1 / 3628800.0, 1 / 39916800.0};
    for (int i = 11; i >= 0; i--) sum = sum * r + factors[i];
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* ln(x) for x >= 1, within 1e-15: x = 2^k m, and the series of the inverse hyperbolic tangent for m near 1. */
static inline double logarithm(double x) {
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    int64_t k = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m;
    __builtin_memcpy(&m, &bits, sizeof m);
    if (m > 1.41421356237309504880) {
        m *= 0.5;
        k++;
    }
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 1 / 21.0;
    for (int i = 19; i >= 1; i -= 2) sum = sum * square + 1.0 / i;
    return (double)k * 6.93147180559945309417e-01 + 2 * s * sum;
}

static inline double limit(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Mean and 1 / (deviation + 1e-8) of the advantages, the deviation with M - 1. */
static void scale_of(const float *values, Py_ssize_t count, double *mean, double *scale) {
    double sum = 0, squares = 0;
    for (Py_ssize_t i = 0; i < count; i++) sum += (double)values[i];
    *mean = sum / (double)count;
    for (Py_ssize_t i = 0; i < count; i++) squares += ((double)values[i] - *mean) * ((double)values[i] - *mean);
    *scale = 1 / (__builtin_sqrt(squares / (double)(count - 1)) + 1e-8);
}

static void compute(void *const *data, const double *options, Py_ssize_t count, Py_ssize_t num_choices) {
    const float *logits = data[LOGITS], *values = data[VALUES], *old_log_probs = data[OLD_LOG_PROBS];
    const float *old_values = data[OLD_VALUES], *advantages = data[ADVANTAGES], *returns = data[RETURNS];
    const int64_t *actions = data[ACTIONS];
    float *grad_logits = data[GRAD_LOGITS], *grad_values = data[GRAD_VALUES], *metrics = data[METRICS];
    const double clip = options[CLIP], clip_value = options[CLIP_VALUE], share = 1 / (double)count;
    double mean = 0, scale = 1, sums[NUM_METRICS] = {0}, probs[MOST_CHOICES];
    if (options[NORMALIZE] != 0 && count > 1) scale_of(advantages, count, &mean, &scale);

    for (Py_ssize_t i = 0; i < count; i++) {
        const float *own = logits + i * num_choices;
        float *gradient = grad_logits + i * num_choices;
        const int64_t action = actions[i];
        double highest = (double)own[0], total = 0, entropy = 0;
        for (Py_ssize_t j = 1; j < num_choices; j++) highest = (double)own[j] > highest ? (double)own[j] : highest;
        for (Py_ssize_t j = 0; j < num_choices; j++) total += probs[j] = exponential((double)own[j] - highest);
        const double log_total = logarithm(total) + highest;
        for (Py_ssize_t j = 0; j < num_choices; j++) {
            probs[j] /= total;
            if (probs[j] > 0) entropy -= probs[j] * ((double)own[j] - log_total);
        }
        const double log_ratio = (double)own[action] - log_total - (double)old_log_probs[i], ratio = exponential(log_ratio);
        const double advantage = ((double)advantages[i] - mean) * scale;
        const double free = advantage * ratio, clipped = advantage * limit(ratio, 1 - clip, 1 + clip);
        const int is_near = ratio >= 1 - clip && ratio <= 1 + clip;
        const double pull = is_near || free < clipped ? -free : 0; /* of the loss by the log-probability */

        const double value = (double)values[i], error = value - (double)returns[i];
        double squared = error * error, push = error;
        if (clip_value < __builtin_inf()) {
            const double moved = value - (double)old_values[i];
            const double near = (double)old_values[i] + limit(moved, -clip_value, clip_value) - (double)returns[i];
            if (near * near > squared) {
                squared = near * near;
                push = moved >= -clip_value && moved <= clip_value ? near : 0;
            }
        }
        grad_values[i] = (float)(options[VALUE_COEF] * push * share);
        for (Py_ssize_t j = 0; j < num_choices; j++) {
            const double spread = probs[j] > 0 ? probs[j] * ((double)own[j] - log_total + entropy) : 0;
            gradient[j] = (float)((pull * ((j == action) - probs[j]) + options[ENTROPY_COEF] * spread) * share);
        }
        sums[POLICY_LOSS] -= free < clipped ? free : clipped;
        sums[VALUE_LOSS] += 0.5 * squared;
        sums[ENTROPY] += entropy;
        sums[KL] += ratio - 1 - log_ratio;
        sums[CLIP_FRACTION] += !is_near;
    }
    for (int m = POLICY_LOSS; m < NUM_METRICS; m++) sums[m] *= share;
    sums[LOSS] = sums[POLICY_LOSS] + options[VALUE_COEF] * sums[VALUE_LOSS] - options[ENTROPY_COEF] * sums[ENTROPY];
    for (int m = 0; m < NUM_METRICS; m++) metrics[m] = (float)sums[m];
}

PyObject *puffer_ppo_loss(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
    (void)self;
    if (nargs != NUM_BUFFERS + NUM_OPTIONS) {
        PyErr_SetString(PyExc_TypeError, "ppo_loss() takes 10 arrays and 5 numbers");
        return NULL;
    }
    double options[NUM_OPTIONS];
    for (int i = 0; i < NUM_OPTIONS; i++) options[i] = PyFloat_AsDouble(args[NUM_BUFFERS + i]);
    if (PyErr_Occurred()) return NULL;

    Py_buffer views[NUM_BUFFERS];
    void *data[NUM_BUFFERS];
    PyObject *result = NULL;
    if (buffers_hold(args, NUM_BUFFERS, GRAD_LOGITS, views) < 0) return NULL;
    for (int b = 0; b < NUM_BUFFERS; b++) data[b] = views[b].buf;
    const Py_ssize_t count = views[ACTIONS].len / (Py_ssize_t)sizeof(int64_t);
    const Py_ssize_t num_choices = count ? views[LOGITS].len / (count * (Py_ssize_t)sizeof(float)) : 0;
    if (count < 1 || num_choices < 1 || num_choices > MOST_CHOICES) {
        PyErr_Format(PyExc_ValueError, "ppo_loss(): %zd samples of %zd choices; it takes 1 to %d", count, num_choices,
                     MOST_CHOICES);
        goto release;
    }
    for (int b = 0; b < NUM_BUFFERS; b++) {
        const Py_ssize_t item = b == ACTIONS ? (Py_ssize_t)sizeof(int64_t) : (Py_ssize_t)sizeof(float);
        const Py_ssize_t items = b == LOGITS || b == GRAD_LOGITS ? count * num_choices : b == METRICS ? NUM_METRICS : count;
        if (views[b].len != items * item || views[b].itemsize != item) {
            PyErr_Format(PyExc_ValueError, "ppo_loss(): %s has %zd bytes, expected %zd", buffer_names[b], views[b].len,
                         items * item);
            goto release;
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const int64_t action = ((const int64_t *)data[ACTIONS])[i];
        if (action < 0 || action >= num_choices) {
            PyErr_Format(PyExc_ValueError, "ppo_loss(): action %lld of sample %zd isn't in [0, %zd)", (long long)action, i,
                         num_choices);
            goto release;
        }
    }
    compute(data, options, count, num_choices);
    Py_INCREF(Py_None);
    result = Py_None;

release:
    buffers_release(views, NUM_BUFFERS);
    return result;
}

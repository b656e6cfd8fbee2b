/* Clips gradients by their common norm and takes a step of Adam: `core.adam`. The readable form is training/optimizer.py.
 *
 * Source: Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1, rounded as PyTorch's fused Adam does.
 */
#include "native.h"

enum { PARAMETER, MEAN, SQUARE, NUM_STEPS, NUM_ARRAYS }; /* of a parameter: itself, both moments, the number of steps */
enum { LEARNING_RATE, BETA1, BETA2, EPSILON, MAX_NORM, NUM_OPTIONS };

/* The floats of an array that someone else holds on to, or NULL with an error. */
static float *floats_of(PyObject *array, int writable, Py_ssize_t *count) {
    Py_buffer view;
    if (PyObject_GetBuffer(array, &view, writable ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_C_CONTIGUOUS) < 0) return NULL;
    float *data = view.buf;
    if (view.itemsize != (Py_ssize_t)sizeof(float)) {
        PyErr_Format(PyExc_ValueError, "adam(): an array has items of %zd bytes, expected 4", view.itemsize);
        data = NULL;
    }
    *count = view.len / (Py_ssize_t)sizeof(float);
    PyBuffer_Release(&view);
    return data;
}

/* Checks the arrays of one parameter and gives their memory. Returns its size, or -1 with an error. */
static Py_ssize_t arrays_of(PyObject *parameter, PyObject *gradient, float **data, float **slopes) {
    Py_ssize_t size, count;
    if (!PyTuple_Check(parameter) || PyTuple_Size(parameter) != NUM_ARRAYS) {
        PyErr_SetString(PyExc_TypeError, "adam() takes a tuple of four arrays for each parameter");
        return -1;
    }
    if (!(*slopes = floats_of(gradient, 0, &size))) return -1;
    for (int i = 0; i < NUM_ARRAYS; i++) {
        if (!(data[i] = floats_of(PyTuple_GetItem(parameter, i), 1, &count))) return -1;
        const Py_ssize_t expected = i == NUM_STEPS ? 1 : size;
        if (count != expected) {
            PyErr_Format(PyExc_ValueError, "adam(): an array has %zd items, expected %zd", count, expected);
            return -1;
        }
    }
    return size;
}

static double sum_of_squares(const float *values, Py_ssize_t count) {
    double sums[4] = {0}; /* four, so that no addition waits for the one before */
    Py_ssize_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int j = 0; j < 4; j++) sums[j] += (double)values[i + j] * (double)values[i + j];
    for (; i < count; i++) sums[0] += (double)values[i] * (double)values[i];
    return sums[0] + sums[1] + sums[2] + sums[3];
}

static double power(double base, double exponent) {
    double result = 1;
    for (int64_t n = (int64_t)exponent; n > 0; n >>= 1, base *= base)
        if (n & 1) result *= base;
    return result;
}

static void step(float *restrict parameter, float *restrict mean, float *restrict square, const float *restrict slopes,
                 Py_ssize_t size, double num_steps, float shrink, const double *options) {
    const float beta1 = (float)options[BETA1], beta2 = (float)options[BETA2], epsilon = (float)options[EPSILON];
    const float rate = (float)(options[LEARNING_RATE] / (1 - power(options[BETA1], num_steps)));
    const float unbias = (float)__builtin_sqrt(1 - power(options[BETA2], num_steps));
    for (Py_ssize_t i = 0; i < size; i++) {
        const float slope = slopes[i] * shrink;
        mean[i] += (1 - beta1) * (slope - mean[i]);
        square[i] = beta2 * square[i] + (1 - beta2) * slope * slope;
        parameter[i] -= rate * mean[i] / (__builtin_sqrtf(square[i]) / unbias + epsilon);
    }
}

PyObject *puffer_adam(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
    (void)self;
    if (nargs != 2 + NUM_OPTIONS || !PyList_Check(args[0]) || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "adam() takes a list of parameters, a list of gradients and 5 numbers");
        return NULL;
    }
    double options[NUM_OPTIONS];
    for (int i = 0; i < NUM_OPTIONS; i++) options[i] = PyFloat_AsDouble(args[2 + i]);
    if (PyErr_Occurred()) return NULL;
    const Py_ssize_t count = PyList_Size(args[0]);
    if (PyList_Size(args[1]) != count) {
        PyErr_Format(PyExc_ValueError, "adam(): %zd gradients for %zd parameters", PyList_Size(args[1]), count);
        return NULL;
    }

    float *data[NUM_ARRAYS], *slopes;
    double squares = 0;
    for (Py_ssize_t i = 0; i < count; i++) { /* everything is checked before anything is written */
        const Py_ssize_t size = arrays_of(PyList_GetItem(args[0], i), PyList_GetItem(args[1], i), data, &slopes);
        if (size < 0) return NULL;
        squares += sum_of_squares(slopes, size);
    }
    const double norm = __builtin_sqrt(squares), shrink = options[MAX_NORM] / (norm + 1e-6);
    for (Py_ssize_t i = 0; i < count; i++) {
        const Py_ssize_t size = arrays_of(PyList_GetItem(args[0], i), PyList_GetItem(args[1], i), data, &slopes);
        if (size < 0) return NULL;
        *data[NUM_STEPS] += 1;
        step(data[PARAMETER], data[MEAN], data[SQUARE], slopes, size, (double)*data[NUM_STEPS],
             (float)(shrink < 1 ? shrink : 1), options);
    }
    return PyFloat_FromDouble(norm);
}

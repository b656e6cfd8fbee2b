/* Clips gradients by their common norm and takes a step of Adam: `core.adam`. The readable form is training/optimizer.py.
 *
 * Source: Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1, in 32 bits as PyTorch's.
 */
#include "native.h"

enum { WEIGHTS, MEAN, SQUARE, NUM_STEPS, NUM_ARRAYS }; /* of a parameter: itself, both moments, the number of steps */
enum { LEARNING_RATE, BETA1, BETA2, EPSILON, MAX_NORM, NUM_OPTIONS };

typedef struct {
    float *arrays[NUM_ARRAYS];
    const float *slopes; /* the gradient */
    Py_ssize_t size;
} Parameter;

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

/* Finds the memory of one parameter. Returns -1 with an error where its arrays don't fit. */
static int find(PyObject *arrays, PyObject *gradient, Parameter *found) {
    Py_ssize_t count;
    if (!PyTuple_Check(arrays) || PyTuple_Size(arrays) != NUM_ARRAYS) {
        PyErr_SetString(PyExc_TypeError, "adam() takes a tuple of four arrays for each parameter");
        return -1;
    }
    if (!(found->slopes = floats_of(gradient, 0, &found->size))) return -1;
    for (int i = 0; i < NUM_ARRAYS; i++) {
        if (!(found->arrays[i] = floats_of(PyTuple_GetItem(arrays, i), 1, &count))) return -1;
        const Py_ssize_t expected = i == NUM_STEPS ? 1 : found->size;
        if (count != expected) {
            PyErr_Format(PyExc_ValueError, "adam(): an array has %zd items, expected %zd", count, expected);
            return -1;
        }
    }
    return 0;
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

static void step(const Parameter *parameter, float shrink, const double *options) {
    float *restrict weights = parameter->arrays[WEIGHTS], *restrict mean = parameter->arrays[MEAN];
    float *restrict square = parameter->arrays[SQUARE];
    const float *restrict slopes = parameter->slopes;
    const double num_steps = (double)(*parameter->arrays[NUM_STEPS] += 1);
    const float beta1 = (float)options[BETA1], beta2 = (float)options[BETA2], epsilon = (float)options[EPSILON];
    const float rate = (float)(options[LEARNING_RATE] / (1 - power(options[BETA1], num_steps)));
    const float unbias = (float)__builtin_sqrt(1 - power(options[BETA2], num_steps));
    for (Py_ssize_t i = 0; i < parameter->size; i++) {
        const float slope = slopes[i] * shrink;
        mean[i] += (1 - beta1) * (slope - mean[i]);
        square[i] = beta2 * square[i] + (1 - beta2) * slope * slope;
        weights[i] -= rate * mean[i] / (__builtin_sqrtf(square[i]) / unbias + epsilon);
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

    Parameter *parameters = PyMem_Malloc((size_t)count * sizeof *parameters);
    if (!parameters) return PyErr_NoMemory();
    PyObject *result = NULL;
    double squares = 0;
    for (Py_ssize_t i = 0; i < count; i++) { /* everything is checked before anything is written */
        if (find(PyList_GetItem(args[0], i), PyList_GetItem(args[1], i), &parameters[i]) < 0) goto release;
        squares += sum_of_squares(parameters[i].slopes, parameters[i].size);
    }
    const double norm = __builtin_sqrt(squares), shrink = options[MAX_NORM] / (norm + 1e-6);
    for (Py_ssize_t i = 0; i < count; i++) step(&parameters[i], (float)(shrink < 1 ? shrink : 1), options);
    result = PyFloat_FromDouble(norm);

release:
    PyMem_Free(parameters);
    return result;
}

/* NumPy arrays without NumPy's headers: the public, unchanged part of their memory (numpy 1.7 to 2.x).
 *
 * The stand-in build has no numpy/ndarrayobject.h, and the buffer protocol costs more per array than the copy of a
 * typical leaf. So the fields of PyArrayObject_fields (numpy/ndarraytypes.h, part of NumPy's ABI promise) are declared
 * here, and `arrays_init` compares them with a real array when the module is imported.
 */
#ifndef PUFFERLIB_ARRAYS_H
#define PUFFERLIB_ARRAYS_H

#include "native.h"

typedef struct {
    PyObject ob_base;
    char *data;
    int num_dims;
    intptr_t *dims;
    intptr_t *strides;
    PyObject *base;
    PyObject *dtype;
    int flags;
} Array;

enum { ARRAY_C_CONTIGUOUS = 0x0001, ARRAY_WRITEABLE = 0x0400 };

extern PyTypeObject *array_type;  /* numpy.ndarray, set by arrays_init */

/* Checks the layout above against a live array. Returns -1 with ImportError set where it doesn't hold. */
int arrays_init(void);

/* The array behind `object`, or NULL (no error set) if it isn't exactly a numpy.ndarray, C-contiguous, of this dtype object. */
static inline Array *array_of(PyObject *object, PyObject *dtype) {
    Array *array = (Array *)object;
    if (Py_TYPE(object) != array_type || array->dtype != dtype || !(array->flags & ARRAY_C_CONTIGUOUS)) return NULL;
    return array;
}

#endif

/* Finds numpy.ndarray and proves that its memory is laid out as arrays.h says. */
#include "arrays.h"

PyTypeObject *array_type;

static int probe(PyObject *numpy) {
    PyObject *empty = PyObject_GetAttrString(numpy, "empty");
    PyObject *dtype_of = PyObject_GetAttrString(numpy, "dtype");
    PyObject *dtype = dtype_of ? PyObject_CallFunction(dtype_of, "s", "int16") : NULL;
    PyObject *shape = Py_BuildValue("(nn)", (Py_ssize_t)2, (Py_ssize_t)3);
    PyObject *object = empty && dtype && shape ? PyObject_CallFunctionObjArgs(empty, shape, dtype, NULL) : NULL;
    Py_buffer buffer;
    int same = -1;
    if (object && PyObject_GetBuffer(object, &buffer, PyBUF_WRITABLE) == 0) {
        Array *array = (Array *)object;
        same = Py_TYPE(object) == array_type && array->data == buffer.buf && array->num_dims == 2 && array->dims[0] == 2 &&
               array->dims[1] == 3 && array->strides[0] == 6 && array->strides[1] == 2 && array->dtype == dtype &&
               (array->flags & ARRAY_C_CONTIGUOUS) && (array->flags & ARRAY_WRITEABLE);
        PyBuffer_Release(&buffer);
    }
    Py_XDECREF(object);
    Py_XDECREF(shape);
    Py_XDECREF(dtype);
    Py_XDECREF(dtype_of);
    Py_XDECREF(empty);
    return same;
}

int arrays_init(void) {
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy) return -1;
    array_type = (PyTypeObject *)PyObject_GetAttrString(numpy, "ndarray"); /* kept for the life of the process */
    int same = array_type ? probe(numpy) : -1;
    Py_DECREF(numpy);
    if (same == 0)
        PyErr_SetString(PyExc_ImportError,
                        "This NumPy lays out its arrays in another way than 1.26 to 2.x. Install numpy<3, or report it.");
    return same == 1 ? 0 : -1;
}

/* Arrays as arguments, through the buffer protocol, for functions that run long enough not to mind its cost. */
#ifndef PUFFERLIB_BUFFERS_H
#define PUFFERLIB_BUFFERS_H

#include "native.h"

static inline void buffers_release(Py_buffer *views, int count) {
    while (count > 0) PyBuffer_Release(&views[--count]);
}

/* Holds on to `count` contiguous arrays, of which those from `first_written` on are written to, until buffers_release.
 * Returns -1, with an error and nothing held, where one can't be had. */
static inline int buffers_hold(PyObject *const *arrays, int count, int first_written, Py_buffer *views) {
    for (int held = 0; held < count; held++) {
        const int flags = held >= first_written ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_C_CONTIGUOUS;
        if (PyObject_GetBuffer(arrays[held], &views[held], flags) < 0) {
            buffers_release(views, held);
            return -1;
        }
    }
    return 0;
}

#endif

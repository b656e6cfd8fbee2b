/* What the C files of the extension share. Include this one before anything else. */
#ifndef PUFFERLIB_NATIVE_H
#define PUFFERLIB_NATIVE_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>
#include <stdint.h>
#include <string.h>

#endif

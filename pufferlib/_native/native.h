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

/* adam.c, advantage.c, ppo_loss.c: what training would spend on PyTorch's calls. */
PyObject *puffer_adam(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_advantage(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_ppo_loss(PyObject *module, PyObject *const *args, Py_ssize_t num_args);

/* environments.c: first-party environments. */
PyObject *puffer_env_batch(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_ends(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_init(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_render(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_reset(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_state_bytes(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_step(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_env_table(PyObject *module, PyObject *const *args, Py_ssize_t num_args);

/* plan.c, pack.c, unpack.c: values of a space to flat rows and back. */
PyObject *puffer_compile(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_pack(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_unpack(PyObject *module, PyObject *const *args, Py_ssize_t num_args);

/* signals.c: commands and acknowledgements between processes. */
PyObject *puffer_signal_done(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_signal_next(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_signal_send(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_signal_size(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_signal_status(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_signal_use_futex(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_signal_wait(PyObject *module, PyObject *const *args, Py_ssize_t num_args);

/* threads.c: threads that step first-party environments. */
PyObject *puffer_thread_post(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_thread_serve(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_thread_step(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_thread_stop(PyObject *module, PyObject *const *args, Py_ssize_t num_args);
PyObject *puffer_thread_wait(PyObject *module, PyObject *const *args, Py_ssize_t num_args);

#endif

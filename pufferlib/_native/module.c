/* The extension module `pufferlib._native.core`: its method table and nothing else. */
#include "arrays.h"

#define METHOD(name, function, text) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, text}

static PyMethodDef methods[] = {
    METHOD("advantage", puffer_advantage,
           "advantage(rewards, values, final_values, terminals, truncations, alive, advantages, num_steps, gamma, gae_lambda)"),
    METHOD("compile", puffer_compile, "compile(tree, gaps, size_bytes, num_items, dtype, coerce, restack) -> plan"),
    METHOD("pack", puffer_pack, "pack(plan, value, rows, index)"),
    METHOD("unpack", puffer_unpack, "unpack(plan, rows, index) -> value"),
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "core", "Hot loops of pufferlib in C.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_core(void) {
    if (arrays_init() < 0) return NULL;
    return PyModule_Create(&definition);
}

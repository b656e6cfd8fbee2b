/* Builds plans out of the descriptions that Python compiles, and frees them. */
#include "layout.h"

static const char plan_name[] = "pufferlib.plan";

static void *allocate(Py_ssize_t count, size_t size) {
    void *memory = PyMem_Calloc(count > 0 ? (size_t)count : 1, size);
    if (!memory) PyErr_NoMemory();
    return memory;
}

static Py_ssize_t size_item(PyObject *tuple, Py_ssize_t i) {
    PyObject *item = PyTuple_GetItem(tuple, i);
    return item ? PyLong_AsSsize_t(item) : -1;
}

static PyObject *new_item(PyObject *tuple, Py_ssize_t i) {
    PyObject *item = PyTuple_GetItem(tuple, i);
    Py_XINCREF(item);
    return item;
}

static int build_array(Node *node, PyObject *extra) {
    node->dtype = new_item(extra, 0);
    node->empty = new_item(extra, 1);
    node->shape = new_item(extra, 2);
    if (!node->dtype || !node->empty || !node->shape) return -1;
    node->num_dims = PyTuple_Size(node->shape);
    if (node->num_dims < 0 || !(node->dims = allocate(node->num_dims, sizeof(intptr_t)))) return -1;
    for (Py_ssize_t i = 0; i < node->num_dims; i++) node->dims[i] = size_item(node->shape, i);
    return PyErr_Occurred() ? -1 : 0;
}

static int build_integer(Node *node, PyObject *extra) {
    if (PyTuple_Size(extra) != 6) return -1;
    node->dtype = new_item(extra, 0);
    node->empty = new_item(extra, 1);
    node->make = new_item(extra, 2);
    node->is_signed = (int)size_item(extra, 3);
    node->low = PyLong_AsLongLong(PyTuple_GetItem(extra, 4));
    node->high = PyLong_AsLongLong(PyTuple_GetItem(extra, 5));
    return PyErr_Occurred() ? -1 : 0;
}

static int build_text(Node *node, PyObject *extra) {
    PyObject *characters = PyTuple_GetItem(extra, 2);
    if (!characters) return -1;
    node->length = size_item(extra, 0);
    node->width = (int)size_item(extra, 1);
    node->num_characters = PyTuple_Size(characters);
    if (PyErr_Occurred()) return -1;
    node->characters = allocate(node->num_characters, sizeof(Py_UCS4));
    node->scratch = allocate(node->length, sizeof(Py_UCS4));
    if (!node->characters || !node->scratch) return -1;
    for (Py_ssize_t i = 0; i < node->num_characters; i++) {
        Py_ssize_t character = size_item(characters, i);
        if (character < 0) return -1;
        node->characters[i] = (Py_UCS4)character;
        if (character >= node->num_codes) node->num_codes = character + 1;
    }
    if (!(node->codes = allocate(node->num_codes, sizeof(uint32_t)))) return -1;
    for (Py_ssize_t i = 0; i < node->num_characters; i++) node->codes[node->characters[i]] = (uint32_t)(i + 1);
    return 0;
}

static int build_dict(Node *node, PyObject *extra) {
    if (!(node->keys = allocate(node->num_children, sizeof(*node->keys)))) return -1;
    if (!(node->order = allocate(node->num_children, sizeof(*node->order)))) return -1;
    for (Py_ssize_t i = 0; i < node->num_children; i++)
        if (!(node->keys[i] = new_item(extra, i))) return -1;
    return 0;
}

/* description: (kind, id, offset, size, extra, children) */
static int build(Node *node, PyObject *description) {
    PyObject *extra = PyTuple_GetItem(description, 4), *children = PyTuple_GetItem(description, 5);
    if (!extra || !children) return -1;
    node->kind = (int)size_item(description, 0);
    node->id = new_item(description, 1);
    node->offset = size_item(description, 2);
    node->size = size_item(description, 3);
    Py_ssize_t num_children = PyTuple_Size(children);
    if (PyErr_Occurred() || !(node->children = allocate(num_children, sizeof(Node)))) return -1;
    node->num_children = num_children;
    for (Py_ssize_t i = 0; i < num_children; i++)
        if (build(&node->children[i], PyTuple_GetItem(children, i)) < 0) return -1;
    switch (node->kind) {
        case ARRAY: return build_array(node, extra);
        case INTEGER: return build_integer(node, extra);
        case TEXT: return build_text(node, extra);
        case DICT: return build_dict(node, extra);
        case SEQUENCE:
            node->length = size_item(extra, 0);
            node->is_stacked = (int)size_item(extra, 1);
            return PyErr_Occurred() ? -1 : 0;
        case GRAPH:
            node->make = new_item(extra, 0);
            return node->make ? 0 : -1;
        default: return 0;
    }
}

static void destroy(Node *node) {
    for (Py_ssize_t i = 0; i < node->num_children; i++) {
        if (node->keys) Py_XDECREF(node->keys[i]);
        if (node->order) Py_XDECREF(node->order[i].key);
        destroy(&node->children[i]);
    }
    Py_XDECREF(node->id);
    Py_XDECREF(node->dtype);
    Py_XDECREF(node->shape);
    Py_XDECREF(node->empty);
    Py_XDECREF(node->make);
    PyMem_Free(node->dims);
    PyMem_Free(node->characters);
    PyMem_Free(node->codes);
    PyMem_Free(node->scratch);
    PyMem_Free(node->keys);
    PyMem_Free(node->order);
    PyMem_Free(node->children);
}

static void destroy_plan(Plan *plan) {
    destroy(&plan->root);
    Py_XDECREF(plan->dtype);
    Py_XDECREF(plan->coerce);
    Py_XDECREF(plan->restack);
    PyMem_Free(plan->gaps);
    PyMem_Free(plan);
}

static void destroy_capsule(PyObject *capsule) { destroy_plan(plan_of(capsule)); }

static int build_plan(Plan *plan, PyObject *const *args) {
    PyObject *gaps = args[1];
    plan->num_gaps = PyTuple_Size(gaps) / 2;
    plan->size = PyLong_AsSsize_t(args[2]);
    plan->num_items = PyLong_AsSsize_t(args[3]);
    if (PyErr_Occurred() || !(plan->gaps = allocate(2 * plan->num_gaps, sizeof(Py_ssize_t)))) return -1;
    for (Py_ssize_t i = 0; i < 2 * plan->num_gaps; i++) plan->gaps[i] = size_item(gaps, i);
    plan->dtype = args[4];
    plan->coerce = args[5];
    plan->restack = args[6];
    Py_INCREF(plan->dtype);
    Py_INCREF(plan->coerce);
    Py_INCREF(plan->restack);
    return build(&plan->root, args[0]);
}

int check_count(const char *name, Py_ssize_t expected, Py_ssize_t got) {
    if (expected == got) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, but got %zd", name, expected, got);
    return -1;
}

PyObject *puffer_compile(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (check_count("compile", 7, num_args) < 0) return NULL;
    Plan *plan = allocate(1, sizeof(Plan));
    if (!plan) return NULL;
    PyObject *capsule = build_plan(plan, args) < 0 ? NULL : PyCapsule_New(plan, plan_name, destroy_capsule);
    if (!capsule) destroy_plan(plan);
    return capsule;
}

Plan *plan_of(PyObject *capsule) { return PyCapsule_GetPointer(capsule, plan_name); }

char *row_of(const Plan *plan, PyObject *rows, PyObject *index, int is_written) {
    Array *array = array_of(rows, plan->dtype);
    if (!array && Py_TYPE(rows) == array_type) { /* dtypes that were pickled are equal without being the same */
        int is_equal = PyObject_RichCompareBool(((Array *)rows)->dtype, plan->dtype, Py_EQ);
        if (is_equal < 0) return NULL;
        if (is_equal) array = array_of(rows, ((Array *)rows)->dtype);
    }
    Py_ssize_t i = PyLong_AsSsize_t(index);
    if (i == -1 && PyErr_Occurred()) return NULL;
    if (!array || array->num_dims < 1) {
        PyErr_SetString(PyExc_ValueError, "rows must be a C-contiguous array of the layout's flat dtype, (n, *flat shape)");
        return NULL;
    }
    if (is_written && !(array->flags & ARRAY_WRITEABLE)) {
        PyErr_SetString(PyExc_ValueError, "rows are read-only");
        return NULL;
    }
    Py_ssize_t num_items = 1;
    for (int d = 1; d < array->num_dims; d++) num_items *= array->dims[d];
    if (num_items != plan->num_items) {
        PyErr_Format(PyExc_ValueError, "a row has %zd numbers, but the layout needs %zd", num_items, plan->num_items);
        return NULL;
    }
    if (i < 0 || i >= array->dims[0]) {
        PyErr_Format(PyExc_IndexError, "row %zd of %zd rows", i, (Py_ssize_t)array->dims[0]);
        return NULL;
    }
    return array->data + i * plan->size;
}

/* Rebuilds values of a space from flat rows. */
#include "layout.h"

static PyObject *unpack_value(Plan *plan, Node *node, const char *row, Py_ssize_t index);

static long long load_integer(const Node *node, const char *row, Py_ssize_t index) {
    const char *source = row + node->offset + index * node->size;
    switch (node->size) {
        case 1: { int8_t v; memcpy(&v, source, 1); return node->is_signed ? v : (long long)(uint8_t)v; }
        case 2: { int16_t v; memcpy(&v, source, 2); return node->is_signed ? v : (long long)(uint16_t)v; }
        case 4: { int32_t v; memcpy(&v, source, 4); return node->is_signed ? v : (long long)(uint32_t)v; }
        default: { long long v; memcpy(&v, source, 8); return v; }
    }
}

static PyObject *unpack_array(const Node *node, PyObject *shape, const char *row, Py_ssize_t index, Py_ssize_t count) {
    PyObject *array = shape ? PyObject_CallFunctionObjArgs(node->empty, shape, node->dtype, NULL) : NULL;
    if (array) memcpy(((Array *)array)->data, row + node->offset + index * node->size, (size_t)(count * node->size));
    return array;
}

static PyObject *unpack_integer(const Node *node, const char *row, Py_ssize_t index) {
    PyObject *number = PyLong_FromLongLong(load_integer(node, row, index));
    PyObject *scalar = number ? PyObject_CallFunctionObjArgs(node->make, number, NULL) : NULL;
    Py_XDECREF(number);
    return scalar;
}

static PyObject *unpack_text(const Node *node, const char *row, Py_ssize_t index) {
    const char *source = row + node->offset + index * node->size;
    Py_ssize_t length = 0;
    for (; length < node->length; length++) {
        uint32_t code = 0;
        if (node->width == 1) code = ((const uint8_t *)source)[length];
        else if (node->width == 2) { uint16_t narrow; memcpy(&narrow, source + 2 * length, 2); code = narrow; }
        else memcpy(&code, source + 4 * length, 4);
        if (!code) break;
        if ((Py_ssize_t)code > node->num_characters) {
            PyErr_Format(PyExc_ValueError, "character code %zd is outside 0..%zd", (Py_ssize_t)code, node->num_characters);
            return NULL;
        }
        node->scratch[length] = node->characters[code - 1];
    }
    int byte_order = 1;
    const uint16_t one = 1;
    if (*(const uint8_t *)&one) byte_order = -1;
    return PyUnicode_DecodeUTF32((const char *)node->scratch, 4 * length, "surrogatepass", &byte_order);
}

static PyObject *unpack_dict(Plan *plan, Node *node, const char *row, Py_ssize_t index) {
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict && i < node->num_children; i++) {
        PyObject *item = unpack_value(plan, &node->children[i], row, index);
        if (!item || PyDict_SetItem(dict, node->keys[i], item) < 0) {
            Py_DECREF(dict);
            dict = NULL;
        }
        Py_XDECREF(item);
    }
    return dict;
}

/* A tuple of `count` values: of consecutive nodes, or (step 0) of consecutive elements of one node. */
static PyObject *unpack_tuple(Plan *plan, Node *node, Py_ssize_t step, const char *row, Py_ssize_t index, Py_ssize_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++) {
        PyObject *item = unpack_value(plan, node + i * step, row, step ? index : index + i);
        if (!item || PyTuple_SetItem(tuple, i, item) < 0) { /* SetItem takes the reference, also when it fails */
            Py_DECREF(tuple);
            tuple = NULL;
        }
    }
    return tuple;
}

/* The first `count` elements of a leaf as one array, (count, *element). */
static PyObject *unpack_stack(const Node *leaf, const char *row, Py_ssize_t index, Py_ssize_t count) {
    PyObject *shape = PyTuple_New(leaf->num_dims + 1);
    for (Py_ssize_t i = 0; shape && i <= leaf->num_dims; i++)
        PyTuple_SetItem(shape, i, PyLong_FromSsize_t(i ? (Py_ssize_t)leaf->dims[i - 1] : count));
    PyObject *array = unpack_array(leaf, shape, row, index, count);
    Py_XDECREF(shape);
    return array;
}

static PyObject *unpack_sequence(Plan *plan, Node *node, const char *row, Py_ssize_t index) {
    Node *item = &node->children[1];
    Py_ssize_t length = (Py_ssize_t)load_integer(&node->children[0], row, index), first = index * node->length;
    if (length < 0 || length > node->length) {
        PyErr_Format(PyExc_ValueError, "a Sequence of at most %zd elements has length %zd", node->length, length);
        return NULL;
    }
    if (node->is_stacked && item->kind <= INTEGER) return unpack_stack(item, row, first, length);
    PyObject *items = unpack_tuple(plan, item, 0, row, first, length);
    if (!items || !node->is_stacked) return items;
    PyObject *stacked = PyObject_CallFunctionObjArgs(plan->restack, node->id, items, NULL);
    Py_DECREF(items);
    return stacked;
}

static PyObject *unpack_oneof(Plan *plan, Node *node, const char *row, Py_ssize_t index) {
    long long choice = load_integer(&node->children[0], row, index);
    if (choice < 0 || choice + 1 >= node->num_children) {
        PyErr_Format(PyExc_ValueError, "a OneOf of %zd spaces has choice %lld", node->num_children - 1, choice);
        return NULL;
    }
    PyObject *tuple = PyTuple_New(2), *number = unpack_integer(&node->children[0], row, index);
    PyObject *value = number ? unpack_value(plan, &node->children[choice + 1], row, index) : NULL;
    if (!tuple || !number || !value) {
        Py_XDECREF(tuple);
        Py_XDECREF(number);
        Py_XDECREF(value);
        return NULL;
    }
    PyTuple_SetItem(tuple, 0, number);
    PyTuple_SetItem(tuple, 1, value);
    return tuple;
}

static PyObject *unpack_graph(Plan *plan, Node *node, const char *row, Py_ssize_t index) {
    PyObject *nodes = unpack_value(plan, &node->children[0], row, index), *edges = Py_None, *links = Py_None;
    if (node->num_children == 4 && load_integer(&node->children[1], row, index)) {
        edges = unpack_value(plan, &node->children[2], row, index);
        links = unpack_value(plan, &node->children[3], row, index);
    } else {
        Py_INCREF(edges);
        Py_INCREF(links);
    }
    PyObject *graph = nodes && edges && links ? PyObject_CallFunctionObjArgs(node->make, nodes, edges, links, NULL) : NULL;
    Py_XDECREF(nodes);
    Py_XDECREF(edges);
    Py_XDECREF(links);
    return graph;
}

static PyObject *unpack_value(Plan *plan, Node *node, const char *row, Py_ssize_t index) {
    switch (node->kind) {
        case ARRAY: return unpack_array(node, node->shape, row, index, 1);
        case INTEGER: return unpack_integer(node, row, index);
        case TEXT: return unpack_text(node, row, index);
        case DICT: return unpack_dict(plan, node, row, index);
        case TUPLE: return unpack_tuple(plan, node->children, 1, row, index, node->num_children);
        case SEQUENCE: return unpack_sequence(plan, node, row, index);
        case ONEOF: return unpack_oneof(plan, node, row, index);
        default: return unpack_graph(plan, node, row, index);
    }
}

PyObject *puffer_unpack(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (check_count("unpack", 3, num_args) < 0) return NULL;
    Plan *plan = plan_of(args[0]);
    char *row = plan ? row_of(plan, args[1], args[2], 0) : NULL;
    return row ? unpack_value(plan, &plan->root, row, 0) : NULL;
}

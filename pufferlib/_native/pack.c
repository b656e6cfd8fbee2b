/* Packs values of a space into flat rows. */
#include "layout.h"

static int pack_value(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index, int is_coerced);

static void store_integer(const Node *node, long long value, char *row, Py_ssize_t index) {
    char *target = row + node->offset + index * node->size;
    switch (node->size) {
        case 1: { int8_t narrow = (int8_t)value; memcpy(target, &narrow, 1); break; }
        case 2: { int16_t narrow = (int16_t)value; memcpy(target, &narrow, 2); break; }
        case 4: { int32_t narrow = (int32_t)value; memcpy(target, &narrow, 4); break; }
        default: memcpy(target, &value, 8);
    }
}

/* Zeroes `count` elements of every leaf below the node, from `index` on. */
static void clear(const Node *node, char *row, Py_ssize_t index, Py_ssize_t count) {
    if (count <= 0) return;
    if (node->kind <= TEXT) {
        memset(row + node->offset + index * node->size, 0, (size_t)(count * node->size));
        return;
    }
    if (node->kind == SEQUENCE) {
        clear(&node->children[0], row, index, count);
        clear(&node->children[1], row, index * node->length, count * node->length);
        return;
    }
    for (Py_ssize_t i = 0; i < node->num_children; i++) clear(&node->children[i], row, index, count);
}

/* 1: packed; 0: not in the exact form, no error set; -1: error set. The same for all pack_* below. */
static int pack_array(const Node *node, PyObject *value, char *row, Py_ssize_t index) {
    Array *array = array_of(value, node->dtype);
    if (!array || array->num_dims != node->num_dims) return 0;
    for (Py_ssize_t i = 0; i < node->num_dims; i++)
        if (array->dims[i] != node->dims[i]) return 0;
    memcpy(row + node->offset + index * node->size, array->data, (size_t)node->size);
    return 1;
}

static int pack_integer(const Node *node, PyObject *value, char *row, Py_ssize_t index) {
    if (!PyIndex_Check(value)) return 0;
    PyObject *integer = PyNumber_Index(value);
    if (!integer) { /* a float array has __index__ too, but it refuses */
        PyErr_Clear();
        return 0;
    }
    long long number = PyLong_AsLongLong(integer);
    Py_DECREF(integer);
    if (number == -1 && PyErr_Occurred()) PyErr_Clear(), number = node->high < INT64_MAX ? INT64_MAX : INT64_MIN;
    if (number < node->low || number > node->high) return 0;
    store_integer(node, number, row, index);
    return 1;
}

static int pack_text(const Node *node, PyObject *value, char *row, Py_ssize_t index) {
    if (!PyUnicode_Check(value)) return 0;
    Py_ssize_t length = PyUnicode_GetLength(value);
    if (length < 0) return -1;
    if (length > node->length) return 0;
    if (length && !PyUnicode_AsUCS4(value, node->scratch, node->length, 0)) return -1;
    char *target = row + node->offset + index * node->size;
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 character = node->scratch[i];
        uint32_t code = (Py_ssize_t)character < node->num_codes ? node->codes[character] : 0;
        if (!code) return 0;
        if (node->width == 1) ((uint8_t *)target)[i] = (uint8_t)code;
        else if (node->width == 2) { uint16_t narrow = (uint16_t)code; memcpy(target + 2 * i, &narrow, 2); }
        else memcpy(target + 4 * i, &code, 4);
    }
    memset(target + length * node->width, 0, (size_t)((node->length - length) * node->width));
    return 1;
}

/* Remembers in which order this dict has its keys, all of which are the node's. */
static int learn_order(Node *node, PyObject *dict) {
    PyObject *key, *item;
    for (Py_ssize_t position = 0, i = 0; i < node->num_children && PyDict_Next(dict, &position, &key, &item); i++) {
        Py_ssize_t child = 0;
        for (; child < node->num_children; child++) {
            int is_same = key == node->keys[child] ? 1 : PyObject_RichCompareBool(key, node->keys[child], Py_EQ);
            if (is_same < 0) return -1;
            if (is_same) break;
        }
        Py_INCREF(key);
        Py_XDECREF(node->order[i].key);
        node->order[i].key = key;
        node->order[i].child = child < node->num_children ? child : 0;
    }
    return 1;
}

/* An environment builds its dict the same way every time, so the keys mostly come in the order of the last one and as
 * the same objects. Walking the dict in that order costs a third of looking every key up. */
static int pack_dict(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index) {
    if (!PyDict_Check(value) || PyDict_Size(value) != node->num_children) return 0;
    PyObject *key, *item;
    Py_ssize_t position = 0, i = 0;
    for (; i < node->num_children && PyDict_Next(value, &position, &key, &item); i++) {
        if (key != node->order[i].key) break;
        if (pack_value(plan, &node->children[node->order[i].child], item, row, index, 0) < 0) return -1;
    }
    if (i == node->num_children) return 1;
    for (i = 0; i < node->num_children; i++) {
        item = PyDict_GetItemWithError(value, node->keys[i]);
        if (!item) return PyErr_Occurred() ? -1 : 0;
        if (pack_value(plan, &node->children[i], item, row, index, 0) < 0) return -1;
    }
    return learn_order(node, value);
}

static int pack_tuple(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index) {
    if (!PyTuple_Check(value) || PyTuple_Size(value) != node->num_children) return 0;
    for (Py_ssize_t i = 0; i < node->num_children; i++)
        if (pack_value(plan, &node->children[i], PyTuple_GetItem(value, i), row, index, 0) < 0) return -1;
    return 1;
}

/* Copies a stacked Sequence, (n, *element), into the elements of a leaf. Returns n, or -1 if it doesn't fit (no error set). */
static Py_ssize_t pack_stack(const Node *leaf, PyObject *value, char *row, Py_ssize_t index, Py_ssize_t max_length) {
    Array *array = array_of(value, leaf->dtype);
    if (!array || array->num_dims != leaf->num_dims + 1 || array->dims[0] > max_length) return -1;
    for (Py_ssize_t i = 0; i < leaf->num_dims; i++)
        if (array->dims[i + 1] != leaf->dims[i]) return -1;
    memcpy(row + leaf->offset + index * leaf->size, array->data, (size_t)(array->dims[0] * leaf->size));
    return array->dims[0];
}

static int pack_sequence(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index, int is_coerced) {
    Node *item = &node->children[1];
    Py_ssize_t first = index * node->length, length;
    if (node->is_stacked && !is_coerced) {
        if (item->kind > INTEGER || (length = pack_stack(item, value, row, first, node->length)) < 0) return 0;
    } else {
        if (!PyTuple_Check(value) || (length = PyTuple_Size(value)) > node->length) return 0;
        for (Py_ssize_t i = 0; i < length; i++)
            if (pack_value(plan, item, PyTuple_GetItem(value, i), row, first + i, 0) < 0) return -1;
    }
    store_integer(&node->children[0], length, row, index);
    clear(item, row, first + length, node->length - length);
    return 1;
}

static int pack_oneof(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index) {
    if (!PyTuple_Check(value) || PyTuple_Size(value) != 2) return 0;
    PyObject *chosen = PyTuple_GetItem(value, 0);
    if (pack_integer(&node->children[0], chosen, row, index) <= 0) return 0;
    Py_ssize_t choice = PyNumber_AsSsize_t(chosen, NULL);
    for (Py_ssize_t i = 0; i + 1 < node->num_children; i++) {
        if (i == choice) {
            if (pack_value(plan, &node->children[i + 1], PyTuple_GetItem(value, 1), row, index, 0) < 0) return -1;
        } else {
            clear(&node->children[i + 1], row, index, 1);
        }
    }
    return 1;
}

static int pack_graph(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index) {
    if (!PyTuple_Check(value) || PyTuple_Size(value) != 3) return 0;
    int has_edges = PyTuple_GetItem(value, 1) != Py_None && PyTuple_GetItem(value, 2) != Py_None;
    if (has_edges && node->num_children != 4) return 0;
    if (pack_value(plan, &node->children[0], PyTuple_GetItem(value, 0), row, index, 0) < 0) return -1;
    if (node->num_children == 4) store_integer(&node->children[1], has_edges, row, index);
    for (Py_ssize_t i = 2; i < node->num_children; i++) {
        if (!has_edges) clear(&node->children[i], row, index, 1);
        else if (pack_value(plan, &node->children[i], PyTuple_GetItem(value, i - 1), row, index, 0) < 0) return -1;
    }
    return 1;
}

/* 0: packed; -1: error set. */
static int pack_value(Plan *plan, Node *node, PyObject *value, char *row, Py_ssize_t index, int is_coerced) {
    int result = 0;
    switch (node->kind) {
        case ARRAY: result = pack_array(node, value, row, index); break;
        case INTEGER: result = pack_integer(node, value, row, index); break;
        case TEXT: result = pack_text(node, value, row, index); break;
        case DICT: result = pack_dict(plan, node, value, row, index); break;
        case TUPLE: result = pack_tuple(plan, node, value, row, index); break;
        case SEQUENCE: result = pack_sequence(plan, node, value, row, index, is_coerced); break;
        case ONEOF: result = pack_oneof(plan, node, value, row, index); break;
        case GRAPH: result = pack_graph(plan, node, value, row, index); break;
    }
    if (result) return result < 0 ? -1 : 0;
    if (is_coerced) {
        PyErr_SetString(PyExc_SystemError, "pufferlib: a coerced value still doesn't fit its leaf; please report this");
        return -1;
    }
    Py_INCREF(value); /* Python code runs now, which may drop it from where it was found */
    PyObject *exact = PyObject_CallFunctionObjArgs(plan->coerce, node->id, value, NULL);
    Py_DECREF(value);
    if (!exact) return -1;
    result = pack_value(plan, node, exact, row, index, 1);
    Py_DECREF(exact);
    return result;
}

PyObject *puffer_pack(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    (void)module;
    if (check_count("pack", 4, num_args) < 0) return NULL;
    Plan *plan = plan_of(args[0]);
    char *row = plan ? row_of(plan, args[2], args[3], 1) : NULL;
    if (!row || pack_value(plan, &plan->root, args[1], row, 0, 0) < 0) return NULL;
    for (Py_ssize_t i = 0; i < plan->num_gaps; i++) memset(row + plan->gaps[2 * i], 0, (size_t)plan->gaps[2 * i + 1]);
    Py_INCREF(Py_None);
    return Py_None;
}

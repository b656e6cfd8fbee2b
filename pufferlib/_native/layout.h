/* The compiled form of a space: what plan.c builds, pack.c writes by and unpack.c reads by.
 *
 * A plan is a tree of nodes, compiled once from the description that pufferlib/spaces/_nodes.py makes. Every leaf
 * knows its byte offset in the row. Leaves under a Sequence are arrays of elements: `index` is the element to write
 * (0 outside of any Sequence), so one walk serves all depths.
 *
 * Values that aren't in the exact form that the fast path takes (another dtype, a list, a stacked Sequence) go through
 * the Python function `coerce(node_id, value)` once: it returns the exact form, or raises an error that names the leaf.
 */
#ifndef PUFFERLIB_LAYOUT_H
#define PUFFERLIB_LAYOUT_H

#include "arrays.h"

enum { ARRAY, INTEGER, TEXT, DICT, TUPLE, SEQUENCE, ONEOF, GRAPH };

typedef struct Node {
    int kind;
    PyObject *id;          /* int: what coerce and restack are told */
    Py_ssize_t offset;     /* leaf: bytes from the start of the row to element 0 */
    Py_ssize_t size;       /* leaf: bytes of one element */
    PyObject *dtype;       /* ARRAY, INTEGER: of the leaf, by identity */
    PyObject *shape;       /* ARRAY: of one element, a tuple */
    PyObject *empty;       /* ARRAY, INTEGER: numpy.empty */
    PyObject *make;        /* INTEGER: the scalar type; GRAPH: GraphInstance */
    Py_ssize_t num_dims;   /* ARRAY; 0 for INTEGER */
    intptr_t *dims;        /* ARRAY */
    int is_signed;         /* INTEGER */
    long long low, high;   /* INTEGER, inclusive */
    Py_ssize_t length;     /* TEXT: characters; SEQUENCE: elements; both maxima */
    int width;             /* TEXT: bytes of one code */
    Py_UCS4 *characters;   /* TEXT: code - 1 -> character */
    Py_ssize_t num_characters;
    uint32_t *codes;       /* TEXT: character -> code, 0 for those outside the charset */
    Py_ssize_t num_codes;
    Py_UCS4 *scratch;      /* TEXT: one decoded text */
    int is_stacked;        /* SEQUENCE */
    PyObject **keys;       /* DICT */
    struct { PyObject *key; Py_ssize_t child; } *order; /* DICT: the keys of the last value, as they came */
    Py_ssize_t num_children;
    struct Node *children; /* SEQUENCE: length, item; ONEOF: choice, options...; GRAPH: nodes[, has_edges, edges, edge_links] */
} Node;

typedef struct {
    Node root;
    Py_ssize_t size;       /* bytes of one row */
    Py_ssize_t num_items;  /* numbers in one row */
    PyObject *dtype;       /* of the rows array */
    PyObject *coerce, *restack;
    Py_ssize_t num_gaps;
    Py_ssize_t *gaps;      /* offset, size of each hole between leaves; pack zeroes them */
} Plan;

/* The plan inside a capsule, or NULL with an error set. */
Plan *plan_of(PyObject *capsule);

/* The memory of row `index`, or NULL with an error set. */
char *row_of(const Plan *plan, PyObject *rows, PyObject *index, int is_written);

/* 0, or -1 with TypeError set where a function got the wrong number of arguments. */
int check_count(const char *name, Py_ssize_t expected, Py_ssize_t got);

#endif

/* The parts of the raw scan that are too slow in Python; everything here has an equal in Python. */
#include <stdlib.h>

#include "native.h"

static PyObject *as_list(const numbers *found)
{
    if (found->failed)
        return PyErr_NoMemory();
    PyObject *list = PyList_New((Py_ssize_t)found->count);
    for (size_t i = 0; list && i < found->count; i++) {
        PyObject *value = PyLong_FromLongLong(found->items[i]);
        if (!value || PyList_SetItem(list, (Py_ssize_t)i, value) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *as_pairs(const numbers *found)
{
    if (found->failed)
        return PyErr_NoMemory();
    PyObject *list = PyList_New((Py_ssize_t)(found->count / 2));
    for (size_t i = 0; list && i + 1 < found->count; i += 2) {
        PyObject *pair = Py_BuildValue("(LL)", (long long)found->items[i], (long long)found->items[i + 1]);
        if (!pair || PyList_SetItem(list, (Py_ssize_t)(i / 2), pair) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *look(PyObject *self, PyObject *args)
{
    Py_buffer data;
    int wanted;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*p", &data, &wanted))
        return NULL;
    int64_t size = (int64_t)data.len;
    ranges found[KINDS] = {
        [DENSE] = {.length = PART, .margin = 512, .gap = PAGE}, [WIDE] = {.length = 8, .margin = 24, .gap = 16},
        [LONG] = {.length = 8, .margin = 32, .gap = 32, .least = 16},
        [ARABIC] = {.length = 4, .margin = 128, .gap = 64}, [OLD] = {.length = 8, .margin = 128, .gap = 64},
    };
    for (int kind = 0; kind < KINDS; kind++) {
        found[kind].size = size;
        found[kind].first = -1;
    }
    PyObject *flags = PyByteArray_FromStringAndSize(NULL, wanted ? (Py_ssize_t)((size + PAGE - 1) / PAGE) : 0);
    PyObject *lists[KINDS] = {NULL}, *result = NULL;
    if (flags) {
        uint8_t *pages = wanted ? (uint8_t *)PyByteArray_AsString(flags) : NULL;
        if (pages)
            memset(pages, 0, (size_t)PyByteArray_Size(flags));
        int some = look_at(data.buf, (size_t)size, found, pages), whole = 1;
        for (int kind = 0; kind < KINDS; kind++)
            whole = whole && (lists[kind] = as_pairs(&found[kind].pairs));
        if (whole)
            result = PyTuple_Pack(7, some ? Py_False : Py_True, lists[DENSE], lists[WIDE], lists[LONG], lists[ARABIC],
                                  lists[OLD], flags);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        Py_XDECREF(lists[kind]);
        free(found[kind].pairs.items);
    }
    Py_XDECREF(flags);
    PyBuffer_Release(&data);
    return result;
}

static PyObject *dense(PyObject *self, PyObject *args)
{
    Py_buffer data, words;
    Py_ssize_t start, stop;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nny*", &data, &start, &stop, &words))
        return NULL;
    size_t slots = (size_t)words.len / 8;
    numbers found[3] = {{0}, {0}, {0}};
    PyObject *lists[3] = {NULL}, *result = NULL;
    if (start < 0 || stop < start || stop > data.len || (slots & (slots - 1)) || (uintptr_t)words.buf % 8)
        PyErr_SetString(PyExc_ValueError, "a range outside of the data, or no table of words");
    else {
        find_runs(data.buf, (size_t)start, (size_t)stop, &found[0]);
        find_prints(data.buf, (size_t)start, (size_t)stop, &found[1]);
        if (slots)
            find_phrases(data.buf, (size_t)start, (size_t)stop, (size_t)data.len, words.buf, slots, &found[2]);
        if ((lists[0] = as_list(&found[0])) && (lists[1] = as_list(&found[1])) && (lists[2] = as_list(&found[2])))
            result = PyTuple_Pack(3, lists[0], lists[1], lists[2]);
    }
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(lists[i]);
        free(found[i].items);
    }
    PyBuffer_Release(&words);
    PyBuffer_Release(&data);
    return result;
}

static PyObject *keccak256(PyObject *self, PyObject *args)
{
    Py_buffer data;
    uint64_t state[25] = {0};
    uint8_t block[136] = {0}, digest[32];
    (void)self;
    if (!PyArg_ParseTuple(args, "y*", &data))
        return NULL;
    Py_ssize_t size = data.len;
    if (size < (Py_ssize_t)sizeof block)
        memcpy(block, data.buf, (size_t)size);
    PyBuffer_Release(&data);
    if (size >= (Py_ssize_t)sizeof block) {
        PyErr_SetString(PyExc_ValueError, "at most 135 bytes");
        return NULL;
    }
    block[size] ^= 0x01;
    block[sizeof block - 1] ^= 0x80;
    for (int i = 0; i < 17; i++)
        state[i] = load(block + 8 * i);
    keccak_f(state);
    for (int i = 0; i < 32; i++)
        digest[i] = (uint8_t)(state[i / 8] >> (8 * (i % 8)));
    return PyBytes_FromStringAndSize((const char *)digest, sizeof digest);
}

static PyMethodDef methods[] = {
    {"look", look, METH_VARARGS, "The gates of a block, as scan.gates.look gives them."},
    {"dense", dense, METH_VARARGS, "Ends of runs, fingerprints and seed phrases in a range."},
    {"keccak256", keccak256, METH_VARARGS, "Keccak-256 of at most 135 bytes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "moisson._native", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }

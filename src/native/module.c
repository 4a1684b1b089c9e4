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

/* Numbers as a list of tuples of so many. */
static PyObject *as_rows(const numbers *found, size_t width)
{
    if (found->failed)
        return PyErr_NoMemory();
    PyObject *list = PyList_New((Py_ssize_t)(found->count / width));
    for (size_t i = 0; list && i < found->count / width; i++) {
        PyObject *row = PyTuple_New((Py_ssize_t)width);
        for (size_t j = 0; row && j < width; j++) {
            PyObject *value = PyLong_FromLongLong(found->items[i * width + j]);
            if (!value || PyTuple_SetItem(row, (Py_ssize_t)j, value) < 0)
                Py_CLEAR(row);
        }
        if (!row || PyList_SetItem(list, (Py_ssize_t)i, row) < 0)
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
            whole = whole && (lists[kind] = as_rows(&found[kind].pairs, 2));
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

/* Some lists as a tuple, unless `good` is 0; frees them. */
static PyObject *as_lists(numbers *found, int count, int good)
{
    PyObject *result = good ? PyTuple_New(count) : NULL;
    for (int i = 0; i < count; i++) {
        PyObject *list = result ? as_list(&found[i]) : NULL;
        if (result && (!list || PyTuple_SetItem(result, i, list) < 0))
            Py_CLEAR(result);
        free(found[i].items);
    }
    return result;
}

static int in_bounds(const Py_buffer *data, Py_ssize_t start, Py_ssize_t stop)
{
    if (start >= 0 && stop >= start && stop <= data->len)
        return 1;
    PyErr_SetString(PyExc_ValueError, "a range outside of the data");
    return 0;
}

enum { MOST_LISTS = CAPITALS };
_Static_assert((int)POINTS <= (int)MOST_LISTS, "a pass finds no more lists than there is room for");

typedef void find(const uint8_t *data, size_t start, size_t stop, numbers *found);

/* What a pass over a range finds, a list each. */
static PyObject *found_in(PyObject *args, find *pass, int count)
{
    Py_buffer data;
    Py_ssize_t start, stop;
    numbers found[MOST_LISTS] = {{0}};
    if (!PyArg_ParseTuple(args, "y*nn", &data, &start, &stop))
        return NULL;
    int good = in_bounds(&data, start, stop);
    if (good)
        pass(data.buf, (size_t)start, (size_t)stop, found);
    PyBuffer_Release(&data);
    return as_lists(found, count, good);
}

static PyObject *capitals(PyObject *self, PyObject *args)
{
    (void)self;
    return found_in(args, find_capitals, CAPITALS);
}

static PyObject *points(PyObject *self, PyObject *args)
{
    (void)self;
    return found_in(args, find_points, POINTS);
}

static PyObject *dense(PyObject *self, PyObject *args)
{
    Py_buffer data, words, table = {0};
    Py_ssize_t start, stop;
    long long offset = 0;
    numbers found[3] = {{0}, {0}, {0}};
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nny*|y*L", &data, &start, &stop, &words, &table, &offset))
        return NULL;
    size_t slots = (size_t)words.len / 8, from = (size_t)start, to = (size_t)stop;
    int good = in_bounds(&data, start, stop);
    if (good && ((slots & (slots - 1)) || words.len % 8 || (uintptr_t)words.buf % 8)) {
        PyErr_SetString(PyExc_ValueError, "no table of words");
        good = 0;
    }
    if (good && table.obj && (table.len != SIGNS * 256 * 8 || (uintptr_t)table.buf % 8)) {
        PyErr_SetString(PyExc_ValueError, "no table of signs");
        good = 0;
    }
    if (good) {
        find_runs(data.buf, from, to, &found[0]);
        if (table.obj)
            keep_promising(data.buf, table.buf, offset, &found[0]);
        find_prints(data.buf, from, to, &found[1]);
        if (slots)
            find_phrases(data.buf, from, to, (size_t)data.len, words.buf, slots, &found[2]);
    }
    if (table.obj)
        PyBuffer_Release(&table);
    PyBuffer_Release(&words);
    PyBuffer_Release(&data);
    return as_lists(found, 3, good);
}

static PyObject *deflated(PyObject *self, PyObject *args)
{
    Py_buffer data;
    Py_ssize_t at;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*n", &data, &at))
        return NULL;
    PyObject *result = NULL;
    if (in_bounds(&data, at, data.len))
        result = PyBool_FromLong(is_deflated((const uint8_t *)data.buf + at, (size_t)(data.len - at)));
    PyBuffer_Release(&data);
    return result;
}

static PyObject *line(PyObject *self, PyObject *args)
{
    Py_buffer data;
    Py_ssize_t start, stop;
    uint8_t text[LINE];
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nn", &data, &start, &stop))
        return NULL;
    PyObject *result = NULL;
    if (in_bounds(&data, start, stop)) {
        const uint8_t *from = (const uint8_t *)data.buf + start;
        int64_t size = stop - start <= LINE ? as_line(from, (size_t)(stop - start), text) : -1;
        result = size < 0 ? Py_NewRef(Py_None) : PyUnicode_FromStringAndSize((const char *)text, (Py_ssize_t)size);
    }
    PyBuffer_Release(&data);
    return result;
}

static PyObject *blocks(PyObject *self, PyObject *args)
{
    Py_buffer data;
    Py_ssize_t start, stop;
    numbers found = {0};
    PyObject *list = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nn", &data, &start, &stop))
        return NULL;
    if (in_bounds(&data, start, stop)) {
        find_blocks(data.buf, (size_t)start, (size_t)stop, &found);
        list = as_rows(&found, 4);
    }
    free(found.items);
    PyBuffer_Release(&data);
    return list;
}

static PyObject *sets(PyObject *self, PyObject *args)
{
    Py_buffer data;
    Py_ssize_t start, stop, most;
    numbers found = {0};
    PyObject *list = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nnn", &data, &start, &stop, &most))
        return NULL;
    if (in_bounds(&data, start, stop)) {
        find_sets(data.buf, (size_t)start, (size_t)stop, (size_t)data.len, most > 0 ? (size_t)most : 0, &found);
        list = as_list(&found);
    }
    free(found.items);
    PyBuffer_Release(&data);
    return list;
}

static PyObject *wide(PyObject *self, PyObject *args)
{
    Py_buffer data;
    Py_ssize_t start, stop;
    int order;
    numbers found = {0};
    PyObject *list = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nni", &data, &start, &stop, &order))
        return NULL;
    if (order < 0 || order >= ORDERS)
        PyErr_SetString(PyExc_ValueError, "no such order");
    else if (in_bounds(&data, start, stop)) {
        find_wide(data.buf, (size_t)start, (size_t)stop, order, &found);
        list = as_rows(&found, 3);
    }
    free(found.items);
    PyBuffer_Release(&data);
    return list;
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

/* The numbers of a tuple: how many, or -1. */
static Py_ssize_t as_numbers(PyObject *from, int64_t *to, Py_ssize_t most)
{
    Py_ssize_t count = PyTuple_Size(from);
    if (count > most) {
        PyErr_SetString(PyExc_ValueError, "too many numbers");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        to[i] = PyLong_AsLongLong(PyTuple_GetItem(from, i));
        if (to[i] == -1 && PyErr_Occurred())
            return -1;
    }
    return count;
}

/* The tables of each block of an MCU; how many, or -1. What was taken from `views` must be released. */
static int as_blocks(PyObject *from, entropy_block *to, Py_buffer *views, int *taken, Py_ssize_t parts)
{
    Py_ssize_t count = PyTuple_Size(from);
    if (count < 0 || count > BLOCKS) {
        if (count > BLOCKS)
            PyErr_SetString(PyExc_ValueError, "too many blocks");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *tables[2];
        if (!PyArg_ParseTuple(PyTuple_GetItem(from, i), "OOi", &tables[0], &tables[1], &to[i].part))
            return -1;
        for (int j = 0; j < 2; j++, ++*taken)
            if (PyObject_GetBuffer(tables[j], &views[*taken], PyBUF_SIMPLE) < 0)
                return -1;
        to[i].first = views[*taken - 2].buf;
        to[i].rest = views[*taken - 1].buf;
        if (views[*taken - 2].len != 2 << 16 || views[*taken - 1].len != 2 << 16 || to[i].part < 0
            || to[i].part >= parts) {
            PyErr_SetString(PyExc_ValueError, "no table of codes");
            return -1;
        }
    }
    return (int)count;
}

static PyObject *entropy_of(PyObject *self, PyObject *args)
{
    Py_buffer data, views[2 * BLOCKS];
    PyObject *coded, *most, *levels, *result = NULL;
    Py_ssize_t at;
    long long done, mcus, restart;
    entropy e = {0};
    entropy_block blocks[BLOCKS] = {{0}};
    int taken = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*O!O!(niLO!)LL", &data, &PyTuple_Type, &coded, &PyTuple_Type, &most, &at, &e.left,
                          &done, &PyTuple_Type, &levels, &mcus, &restart))
        return NULL;
    e.raw = data.buf;
    e.size = (size_t)data.len;
    e.at = (size_t)at;
    e.done = done;
    Py_ssize_t parts = as_numbers(most, e.most, PARTS);
    int count = parts < 0 ? -1 : as_blocks(coded, blocks, views, &taken, parts);
    if (count >= 0 && (at < 0 || at > data.len || e.left < 0 || e.left > 8 || (e.left && !at) || done < 0 || restart < 0)) {
        PyErr_SetString(PyExc_ValueError, "no state");
        count = -1;
    }
    if (count >= 0 && as_numbers(levels, e.levels, PARTS) == parts) {
        int64_t stopped = entropy_read(&e, blocks, count, mcus, restart);
        PyObject *now = PyTuple_New(parts);
        for (Py_ssize_t i = 0; now && i < parts; i++)
            PyTuple_SetItem(now, i, PyLong_FromLongLong(e.levels[i]));
        if (now)
            result = Py_BuildValue("(LniLN)", (long long)stopped, (Py_ssize_t)e.at, e.left, (long long)e.done, now);
    } else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "as many levels as parts are wanted");
    while (taken > 0)
        PyBuffer_Release(&views[--taken]);
    PyBuffer_Release(&data);
    return result;
}

static PyMethodDef methods[] = {
    {"look", look, METH_VARARGS, "The gates of a block, as scan.gates.look gives them."},
    {"capitals", capitals, METH_VARARGS, "Ends of long numbers, bank accounts, grid references and cards in a range."},
    {"points", points, METH_VARARGS, "Ends of e-mail addresses, URLs, domains, IPv4 addresses and degrees in a range."},
    {"dense", dense, METH_VARARGS, "Ends of runs, fingerprints and seed phrases in a range."},
    {"deflated", deflated, METH_VARARGS, "Whether a deflated stream may begin here, as scan.layers."},
    {"line", line, METH_VARARGS, "A range of ASCII as one line, or None."},
    {"blocks", blocks, METH_VARARGS, "Blocks of Outlook whose trailers end in a range, as scan.arrays.blocks."},
    {"sets", sets, METH_VARARGS, "Where sets of pages may begin in a range, as scan.arrays.sets."},
    {"wide", wide, METH_VARARGS, "Where runs of UTF-16 or UTF-32 begin and end in a range, and their scores, as scan.wide."},
    {"keccak256", keccak256, METH_VARARGS, "Keccak-256 of at most 135 bytes."},
    {"entropy", entropy_of, METH_VARARGS, "MCUs of a JPEG read on from a state, as carve.huffman."},
    {NULL, NULL, 0, NULL},
};

/* What native.py expects; raised in both whenever a call changes, so that an older build is not called wrongly. */
enum { INTERFACE = 3 };

static int begin(PyObject *module) { return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE); }

static PyModuleDef_Slot slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "moisson._native", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }

/* What the parts of the native module share: a growing list of numbers, and the passes over bytes. */
#ifndef MOISSON_NATIVE_H
#define MOISSON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int64_t *items;
    size_t count, room;
    int failed;
} numbers;

void numbers_add(numbers *list, int64_t value);

/* Ranges around places that come in order, joined where they come near each other; pairs of start and stop. */
typedef struct {
    int64_t length, margin, gap, least, size;
    int64_t first, last;
    numbers pairs;
} ranges;

void ranges_add(ranges *to, int64_t at);
void ranges_end(ranges *to);

enum { DENSE, WIDE, LONG, ARABIC, OLD, KINDS };
enum { PAGE = 4096, PART = 512 };

/* Fills the ranges and, where `flags` is not NULL, one byte for each page; 0 where all bytes are zero. */
int look_at(const uint8_t *data, size_t size, ranges *found, uint8_t *flags);

/* Ends of anchors in `data` from `start` to `stop`. */
enum { DIGITS, ACCOUNTS, REFERENCES, CARDS_SPACED, CARDS_DASHED, AMEX, CAPITALS };
void find_capitals(const uint8_t *data, size_t start, size_t stop, numbers found[CAPITALS]);
void find_runs(const uint8_t *data, size_t start, size_t stop, numbers *ends);
void find_prints(const uint8_t *data, size_t start, size_t stop, numbers *ends);
void find_phrases(const uint8_t *data, size_t start, size_t stop, size_t size, const uint64_t *words, size_t slots,
                  numbers *ends);

enum { EMAIL, URL, DOMAIN, IPV4, COORDS, POINTS };
void find_points(const uint8_t *data, size_t start, size_t stop, numbers found[POINTS]);

/* What most candidates fail: a table of 8 signs has 256 numbers for each, a bit a row. */
enum { SIGNS = 8, LINE = 4096 };
void keep_promising(const uint8_t *data, const uint64_t *table, int64_t offset, numbers *ends);
int is_deflated(const uint8_t *head, size_t size);
int64_t as_line(const uint8_t *data, size_t size, uint8_t *line);

/* Where runs of signs of two or four bytes begin and end, and their scores, as scan/wide.py. */
enum { LITTLE16, BIG16, LITTLE32, BIG32, ORDERS };
void find_wide(const uint8_t *data, size_t start, size_t stop, int order, numbers *runs);

/* What structure alone gives away: of Outlook's blocks four numbers each, of sets of pages where their headers are. */
void find_blocks(const uint8_t *data, size_t start, size_t stop, numbers *blocks);
void find_sets(const uint8_t *data, size_t start, size_t stop, size_t size, size_t most, numbers *places);

/* Reading of JPEG's entropy coding: where it stands, and the coding of each block of an MCU (tables of 65,536). */
enum { PARTS = 4, BLOCKS = 10 };
typedef struct {
    const uint8_t *raw;
    size_t size, at;
    int left;
    uint64_t window;
    int64_t done, levels[PARTS], most[PARTS];
} entropy;
typedef struct {
    const uint16_t *first, *rest;
    int part;
} entropy_block;

/* Reads MCUs on; the byte where the bits are none of the picture, or -1. `e` stands behind the last good MCU. */
int64_t entropy_read(entropy *e, const entropy_block *blocks, int count, int64_t mcus, int64_t restart);

void keccak_f(uint64_t state[25]);

static inline int digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

static inline uint64_t load(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

#endif

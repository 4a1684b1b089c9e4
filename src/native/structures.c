/* Structures without a signature; the sieves of scan/outlook.py and scan/hiber.py. */
#include "native.h"

enum { GRAIN = 64, TRAILER = 16, MOST = 8192, LEAST = 16, HEAD = 12, PAGES = 16 };

void find_trailers(const uint8_t *data, size_t start, size_t stop, numbers *ends)
{
    for (size_t end = start + GRAIN; end <= stop; end += GRAIN) {
        uint64_t left = load(data + end - TRAILER), key = load(data + end - TRAILER / 2);
        int newer = key - 4 < (uint64_t)1 << 40, older = (key & 0xFFFFFFFF) - 4 < (uint64_t)1 << 24;
        if ((newer || older) && !(key & 2) && ((left & 0xFFFF) - LEAST < MOST || (left >> 32 & 0xFFFF) - LEAST < MOST))
            numbers_add(ends, (int64_t)end);
    }
}

void find_sets(const uint8_t *data, size_t start, size_t stop, size_t most, numbers *places)
{
    for (size_t at = start; stop - at > HEAD && places->count < most;) {
        const uint8_t *head = data + at;
        if (head[11] | head[10]) {
            at += head[11] ? 4 : 3;
            continue;
        }
        if (!(head[8] | head[9] | (head[3] & 0x3F)) && (uint8_t)(head[0] - 1) < PAGES)
            numbers_add(places, (int64_t)at);
        at++;
    }
}

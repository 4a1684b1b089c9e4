/* Runs of UTF-16 and UTF-32, as the patterns of scan/wide.py find them. */
#include "native.h"

enum { LEAST_PAIRS = 5, LEAST_QUADS = 6 };

static int shown(uint8_t c) { return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7F) || c >= 0xA0; }

/* Latin, Greek to Arabic, and the marks and dashes of General Punctuation. */
static int is_pair(uint8_t low, uint8_t high)
{
    if (high == 0x20)
        return (low >= 0x0C && low < 0x20) || low == 0x26 || (low >= 0x2A && low < 0x30) || low == 0x32 || low == 0x33;
    return high ? low && high < 8 && high != 2 : shown(low);
}

static int is_sign(const uint8_t *at, int order)
{
    if (order == LITTLE16)
        return is_pair(at[0], at[1]);
    if (order == BIG16)
        return is_pair(at[1], at[0]);
    uint8_t low = order == LITTLE32 ? at[0] : at[3], high = order == LITTLE32 ? at[1] : at[2];
    if (order == LITTLE32 ? at[2] | at[3] : at[0] | at[1])
        return 0;
    return high ? high == 6 && low : shown(low);
}

void find_wide(const uint8_t *data, size_t start, size_t stop, int order, numbers *edges)
{
    size_t width = order < LITTLE32 ? 2 : 4, least = order < LITTLE32 ? LEAST_PAIRS : LEAST_QUADS;
    while (stop - start >= width * least) {
        size_t end = start;
        while (stop - end >= width && is_sign(data + end, order))
            end += width;
        if (end - start < width * least) {
            start++;
            continue;
        }
        numbers_add(edges, (int64_t)start);
        numbers_add(edges, (int64_t)end);
        start = end;
    }
}

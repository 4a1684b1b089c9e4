/* Runs of UTF-16 and UTF-32, as the patterns of scan/wide.py find them. */
#include "native.h"

enum { LEAST_PAIRS = 5, LEAST_QUADS = 6, STRAYS = 2, OTHERS = 8, FOREIGN = 0xC0 };

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

static uint32_t sign_at(const uint8_t *at, int order)
{
    if (order < LITTLE32)
        return order == LITTLE16 ? at[0] | (uint32_t)at[1] << 8 : at[1] | (uint32_t)at[0] << 8;
    return order == LITTLE32 ? at[0] | (uint32_t)at[1] << 8 : at[3] | (uint32_t)at[2] << 8;
}

static int in(uint32_t sign, uint32_t first, uint32_t last) { return sign - first <= last - first; }

static int is_usual(uint32_t c)
{
    return c < 0x7F || in(c, 0xC0, 0x17F) || in(c, 0x400, 0x44F) || in(c, 0x621, 0x64A) || in(c, 0x660, 0x669)
           || in(c, 0x67E, 0x6D3) || in(c, 0x6F0, 0x6F9) || c == 0x60C || c == 0x61B || c == 0x61F
           || c == 0xAB || c == 0xB0 || c == 0xBA || c == 0xBB;
}

static int is_latin(uint32_t c) { return in(c, '0', '9') || in(c | 0x20, 'a', 'z'); }

static int is_foreign(uint32_t c) { return in(c, 0x370, 0x5FF) || in(c, 0x620, 0x6FF); }

/* A letter beside a sign of another script. */
static int is_glued(uint32_t c, uint32_t next)
{
    return (is_latin(c) && is_foreign(next)) || (is_foreign(c) && is_latin(next))
           || (in(c, 0x621, 0x64A) && in(next, 0x660, 0x669)) || (in(c, 0x660, 0x669) && in(next, 0x621, 0x64A));
}

static int is_mark(uint32_t c) { return in(c, 0x200C, 0x2033); }

/* How many signs at one end of a run of so many may be chance, as scan.wide has it; sets how many of them are neither
   letters nor marks. From the last sign on, steps go backwards. */
static size_t idle(const uint8_t *data, size_t end, size_t count, size_t step, int order, size_t *signs)
{
    size_t strays = 0, marks = 0, n = 0;
    while (strays <= STRAYS && strays < count && sign_at(data + end + strays * step, order) >= FOREIGN)
        strays++;
    if (strays > STRAYS)
        strays = 0;
    while (!strays && marks < STRAYS && marks < count && is_mark(sign_at(data + end + marks * step, order)))
        marks++;
    strays += marks;
    while (n < OTHERS && strays + n < count) {
        uint32_t c = sign_at(data + end + (strays + n) * step, order);
        if (c >= FOREIGN || is_latin(c))
            break;
        n++;
    }
    if (strays + n < count && sign_at(data + end + (strays + n) * step, order) >= FOREIGN)
        n = 0;
    *signs = n;
    return strays + n;
}

/* How likely a run is text, as scan.wide scores it. */
static int64_t score(const uint8_t *data, size_t start, size_t end, size_t width, int order)
{
    int64_t rare = 0, blanks = 0, glued = 0;
    uint32_t any = 0, before = 0;
    size_t count = (end - start) / width, signs, more;
    size_t first = idle(data, start, count, width, order, &signs);
    size_t last = idle(data, end - width, count, -width, order, &more);
    start += first * width;
    end = first + last < count ? end - last * width : start;
    for (size_t at = start; at < end; at += width) {
        uint32_t c = sign_at(data + at, order);
        any |= c;
        rare += !is_usual(c);
        blanks += c == ' ';
        if (before && is_glued(before, c)) {
            glued++;
            c = 0;
        }
        before = c;
    }
    signs += more;
    return 4 * ((int64_t)((end - start) / width) + 2 * blanks) + (int64_t)(signs < 3 ? signs : 3)
           - (any < 0x80 ? 0 : 12 * rare + 8 * glued);
}

void find_wide(const uint8_t *data, size_t start, size_t stop, int order, numbers *runs)
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
        numbers_add(runs, (int64_t)start);
        numbers_add(runs, (int64_t)end);
        numbers_add(runs, score(data, start, end, width, order));
        start = end;
    }
}

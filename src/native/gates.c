/* The gates before everything dearer, in one pass; they say what the whole-word operations of scan/gates.py say. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "native.h"

#define HIGH 0x8080808080808080u
#define WIDE_EVEN 0xF800F800F800F800u
#define WIDE_ODD 0x00F800F800F800F8u
#define LONG_HIGH 0xFFFFF900FFFFF900u
#define ONES 0x0101010101010101u

enum { ZERO_PAGE = 1, TEXT_PAGE = 2, WIDE_PAGE = 4, ARABIC_PAGE = 8, RANDOM_PAGE = 16 };
enum { MOSTLY = 7, SAMPLE = 32, SAMPLES = PAGE / SAMPLE };

static int shown(uint8_t c) { return c >= 0x20 && c < 0x7F; }

/* Four signs of UTF-16, ASCII or Arabic, one perhaps of Latin-1; `odd` when the higher byte comes first. */
static int readable(uint64_t v, int odd)
{
    int accents = 0;
    for (int i = 0; i < 4; i++, v >>= 16) {
        uint8_t low = (uint8_t)(odd ? v >> 8 : v), high = (uint8_t)(odd ? v : v >> 8);
        if (high == 0 && low >= 0xA0 && !accents++)
            continue;
        if (!((high == 0 && shown(low)) || (high == 6 && (low & 0xE8))))
            return 0;
    }
    return 1;
}

/* Two signs of UTF-32, Latin-1 or Arabic, the first at byte `place`. */
static int is_long(uint64_t v, int place)
{
    static const uint64_t before[4] = {0, 0xFF, 0xFFFF, 0xFFFF00};
    uint64_t x = v >> (8 * place);
    if ((x & LONG_HIGH) || !(x & 0xE0) || (v & before[place]))
        return 0;
    for (int low = place; low <= place + 4; low += 4) {
        uint8_t sign = (uint8_t)(v >> (8 * low));
        uint8_t next = low < 7 ? (uint8_t)(v >> (8 * low + 8)) : 0;
        if (low == 7 ? !sign : !(((shown(sign) || sign >= 0xA0) && next == 0) || next == 6))
            return 0;
    }
    return 1;
}

/* Whether the eight bytes are letters of an old charset of Arabic or blanks, and not one byte eight times. */
static int is_old(uint64_t v)
{
    uint64_t blank = v ^ 0x20 * ONES;
    if ((((v & v << 1) | ((blank - ONES) & ~blank)) & HIGH) != HIGH)
        return 0;
    for (int i = 0; i < 64; i += 8) {
        uint8_t c = (uint8_t)(v >> i);
        if ((uint8_t)(c - 0xC0) > 0x33 && c != 0x20)
            return 0;
    }
    return v != (v & 0xFF) * ONES;
}

/* Two letters of Arabic in UTF-8 within four bytes, at the first or at the second of them. */
static int is_arabic(uint32_t half)
{
    return ((half & 0xC0FCC0FCu) == 0x80D880D8u) | ((half & 0xFCC0FCC0u) == 0xD880D880u);
}

static int is_random(const uint8_t *page)
{
    uint8_t counts[256] = {0};
    unsigned same = 0;
    for (int i = 0; i < PAGE; i += SAMPLE)
        same += 2u * counts[page[i]]++;
    return 10 * 256 * (uint64_t)same < 14 * (uint64_t)SAMPLES * (SAMPLES - 1);
}

static void mark(uint8_t *flags, int64_t pages, const ranges *found, uint8_t flag, int64_t margin)
{
    for (size_t i = 0; i + 1 < found->pairs.count; i += 2) {
        int64_t first = found->pairs.items[i] + margin, stop = found->pairs.items[i + 1] - margin;
        for (int64_t page = first / PAGE; page * PAGE < stop && page < pages; page++)
            flags[page] |= flag;
    }
}

/* The state between words: how many plain ones stand in a row, which places of UTF-32 the last two words showed, and
   the last dense part with the number of those in its page. */
typedef struct {
    int plain, parts;
    unsigned last, before;
    int64_t part;
} state;

static void look_wide(uint64_t v, int64_t i, int even, int odd, state *s, ranges *found)
{
    unsigned bits = 0;
    if ((even && readable(v, 0)) || (odd && readable(v, 1)))
        ranges_add(&found[WIDE], i * 8);
    if (even)
        bits = (unsigned)is_long(v, 0) | (unsigned)is_long(v, 2) << 2;
    if (odd)
        bits |= (unsigned)is_long(v, 1) << 1 | (unsigned)is_long(v, 3) << 3;
    if (s->last & (s->before | bits))
        ranges_add(&found[LONG], (i - 1) * 8);
    s->before = s->last;
    s->last = bits;
}

/* Three plain words begin at this one. */
static void look_dense(int64_t i, state *s, ranges *found, uint8_t *flags)
{
    int64_t part = i / (PART / 8);
    if (part == s->part)
        return;
    s->parts = part / (PAGE / PART) == s->part / (PAGE / PART) && s->part >= 0 ? s->parts + 1 : 1;
    s->part = part;
    ranges_add(&found[DENSE], part * PART);
    if (flags && s->parts == MOSTLY)
        flags[part / (PAGE / PART)] |= TEXT_PAGE;
}

static void look_word(uint64_t v, int64_t i, state *s, ranges *found, uint8_t *flags)
{
    int even = !(v & WIDE_EVEN), odd = !(v & WIDE_ODD);
    if (((even | odd) && v) || s->last)
        look_wide(v, i, even && v, odd && v, s, found);
    else
        s->before = 0;
    if (!(v & HIGH)) {
        s->plain = even | odd ? 0 : s->plain + 1;
        if (s->plain >= 3)
            look_dense(i - 2, s, found, flags);
        return;
    }
    s->plain = 0;
    int first = is_arabic((uint32_t)v), second = is_arabic((uint32_t)(v >> 32));
    if (first | second) {
        if (first)
            ranges_add(&found[ARABIC], i * 8);
        if (second)
            ranges_add(&found[ARABIC], i * 8 + 4);
    }
    if (is_old(v))
        ranges_add(&found[OLD], i * 8);
}

/* What eight words are, at a glance: MIXED must be looked at word by word; PLAIN are ASCII without the first eight
   controls, so that none can be wide; DULL hold no plain word, nothing wide, no Arabic and no letters of an old charset. */
enum glance { MIXED, PLAIN, DULL };

#ifdef __SSE2__
/* Bytes that are all ones in each fourth of a row that may hold what makes it worth a look. */
static __m128i marked(__m128i v)
{
    const __m128i zero = _mm_setzero_si128(), letters = _mm_sub_epi8(v, _mm_set1_epi8((char)0xC0));
    __m128i old = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letters, _mm_set1_epi8(0x33)), letters),
                               _mm_cmpeq_epi8(v, _mm_set1_epi8(0x20)));
    __m128i found = _mm_cmpeq_epi32(old, _mm_set1_epi8(-1));
    found = _mm_or_si128(found, _mm_cmpeq_epi32(_mm_and_si128(v, _mm_set1_epi32((int)0xF800F800)), zero));
    found = _mm_or_si128(found, _mm_cmpeq_epi32(_mm_and_si128(v, _mm_set1_epi32(0x00F800F8)), zero));
    found = _mm_or_si128(found, _mm_cmpeq_epi32(_mm_and_si128(v, _mm_set1_epi32((int)0xC0FCC0FC)),
                                                _mm_set1_epi32((int)0x80D880D8)));
    return _mm_or_si128(found, _mm_cmpeq_epi32(_mm_and_si128(v, _mm_set1_epi32((int)0xFCC0FCC0)),
                                               _mm_set1_epi32((int)0xD880D880)));
}

static enum glance glance(const uint8_t *data)
{
    __m128i v[4], found = _mm_setzero_si128(), least = _mm_set1_epi8(8), plain = _mm_set1_epi8(-1);
    int high = 0, all = 1;
    for (int i = 0; i < 4; i++) {
        v[i] = _mm_loadu_si128((const __m128i *)(data + 16 * i));
        int tops = _mm_movemask_epi8(v[i]);
        high |= tops;
        all &= (tops & 0xFF) && (tops >> 8);
    }
    if (!high) {
        for (int i = 0; i < 4; i++)
            plain = _mm_and_si128(plain, _mm_cmpeq_epi8(_mm_min_epu8(v[i], least), least));
        return _mm_movemask_epi8(plain) == 0xFFFF ? PLAIN : MIXED;
    }
    if (!all)
        return MIXED;
    for (int i = 0; i < 4; i++)
        found = _mm_or_si128(found, marked(v[i]));
    return _mm_movemask_epi8(found) ? MIXED : DULL;
}
#else
static enum glance glance(const uint8_t *data)
{
    uint64_t any = 0, all = HIGH;
    for (int i = 0; i < 8; i++) {
        uint64_t v = load(data + 8 * i);
        any |= v;
        all &= (v + 0x78 * ONES);
    }
    return !(any & HIGH) && (all & HIGH) == HIGH ? PLAIN : MIXED;
}
#endif

static void look_plain(int64_t i, state *s, ranges *found, uint8_t *flags)
{
    for (int before = s->plain < 2 ? s->plain : 2; before >= 0; before--)
        look_dense(i - before, s, found, flags);
    s->plain += 8;
}

static int is_zero(const uint8_t *page, int words)
{
    uint64_t some = 0;
    for (int i = 0; i < words && !some; i += 8)
        for (int j = i; j < i + 8 && j < words; j++)
            some |= load(page + 8 * j);
    return !some;
}

static void look_page(const uint8_t *page, int words, int64_t at, state *s, ranges *found, uint8_t *flags)
{
    if (is_zero(page, words)) {
        if (flags)
            flags[at] = ZERO_PAGE;
        if (!s->last) {
            s->plain = 0;
            s->before = 0;
            return;
        }
    }
    for (int i = 0; i < words;) {
        int64_t word = at * (PAGE / 8) + i;
        enum glance seen = i + 8 <= words && !(s->last | s->before) ? glance(page + 8 * i) : MIXED;
        if (seen == PLAIN)
            look_plain(word, s, found, flags);
        else if (seen == DULL)
            s->plain = 0;
        if (seen != MIXED) {
            i += 8;
            continue;
        }
        for (int end = i + 8 < words ? i + 8 : words; i < end; i++, word++)
            look_word(load(page + 8 * i), word, s, found, flags);
    }
}

int look_at(const uint8_t *data, size_t size, ranges *found, uint8_t *flags)
{
    int64_t pages = (int64_t)((size + PAGE - 1) / PAGE);
    uint8_t rest[PAGE] = {0};
    state s = {0, 0, 0, 0, -1};
    int some = 0;
    for (int64_t at = 0; at < pages; at++) {
        const uint8_t *page = data + at * PAGE;
        int words = PAGE / 8;
        if (size - (size_t)at * PAGE < PAGE) {
            words = (int)((size - (size_t)at * PAGE + 7) / 8);
            memcpy(rest, page, size - (size_t)at * PAGE);
            page = rest;
        }
        some |= !is_zero(page, words);
        look_page(page, words, at, &s, found, flags);
        /* Whether a page is text is known two words into the next. */
        if (flags && at && !(flags[at - 1] & (ZERO_PAGE | TEXT_PAGE)) && is_random(data + (at - 1) * PAGE))
            flags[at - 1] |= RANDOM_PAGE;
        if (flags && at == pages - 1 && words == PAGE / 8 && !(flags[at] & (ZERO_PAGE | TEXT_PAGE)) && is_random(page))
            flags[at] |= RANDOM_PAGE;
    }
    if (s.last & s.before)
        ranges_add(&found[LONG], ((int64_t)((size + 7) / 8) - 1) * 8);
    for (int kind = 0; kind < KINDS; kind++)
        ranges_end(&found[kind]);
    if (flags) {
        mark(flags, pages, &found[WIDE], WIDE_PAGE, found[WIDE].margin);
        mark(flags, pages, &found[ARABIC], ARABIC_PAGE, found[ARABIC].margin);
    }
    return some;
}

/* Anchors around a dot, an at sign or a colon: e-mail addresses, URLs, domains, IPv4 addresses, decimal degrees. Each
   gives what the pattern of scan/data/anchors.toml would, of an e-mail address the first end alone. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "native.h"

enum { FIRST_LABEL = 62, SHORTEST = 3, LONGEST = 61, DECIMALS = 4, MOST_DECIMALS = 12, GAP = 3 };

typedef struct {
    const uint8_t *data;
    size_t start, stop;
} range;

static int letter(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }
static int sign(uint8_t c) { return digit(c) || letter(c); }
static int in_host(uint8_t c) { return sign(c) || c == '.' || c == '-'; }
static int gap(uint8_t c) { return c == ',' || c == ';' || c == ' ' || c == '/'; }
static int blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static int closes(uint8_t c) { return !c || blank(c) || c == '"' || c == '\'' || c == '<' || c == '>' || c == ',' || c == ';'; }
static int before_name(uint8_t c) { return closes(c) || c == '(' || c == '=' || c == '['; }
static int after_name(uint8_t c) { return closes(c) || c == ')' || c == ']' || c == '/' || c == ':'; }

/* How many signs of a sort stand in a row from here on, at most so many. */
static size_t row(const range *in, size_t at, size_t most, int (*test)(uint8_t))
{
    size_t n = 0;
    while (n < most && at + n < in->stop && test(in->data[at + n]))
        n++;
    return n;
}

/* How many stand in a row before. */
static size_t row_before(const range *in, size_t at, size_t most, int (*test)(uint8_t))
{
    size_t n = 0;
    while (n < most && at - n > in->start && test(in->data[at - n - 1]))
        n++;
    return n;
}

static uint8_t at_or(const range *in, size_t at, uint8_t none) { return at < in->stop ? in->data[at] : none; }

/* Where the first letter behind a dot in the host ends, 0 for none. */
static size_t email_at(const range *in, size_t at)
{
    uint8_t before = at > in->start ? in->data[at - 1] : 0;
    if (!sign(before) && before != '_' && before != '%' && before != '+' && before != '-')
        return 0;
    if (!sign(at_or(in, at + 1, 0)))
        return 0;
    size_t end = at + 2 + row(in, at + 2, FIRST_LABEL + 1, in_host);
    for (size_t dot = at + 2; dot < end; dot++)
        if (in->data[dot] == '.' && letter(at_or(in, dot + 1, 0)))
            return dot + 2;
    return 0;
}

static size_t url_at(const range *in, size_t at)
{
    const uint8_t *data = in->data;
    return at > in->start && letter(data[at - 1]) && in->stop - at > 4 && data[at + 1] == '/' && data[at + 2] == '/'
                   && sign(data[at + 3]) && (sign(data[at + 4]) || data[at + 4] == '.')
               ? at + 5 : 0;
}

static size_t domain_at(const range *in, size_t dot)
{
    static const char tops[3][4] = {"com", "org", "net"};
    size_t end = dot + 4, size;
    int known = 0;
    if (in->stop - dot < 5)
        return 0;
    for (int top = 0; top < 3; top++)
        known |= (in->data[dot + 1] | 0x20) == tops[top][0] && (in->data[dot + 2] | 0x20) == tops[top][1]
                 && (in->data[dot + 3] | 0x20) == tops[top][2];
    if (!known)
        return 0;
    end += in->data[end] == '.';
    if (end >= in->stop || !after_name(in->data[end]))
        return 0;
    size = row_before(in, dot, LONGEST + 1, in_host);
    if (size < SHORTEST || size > LONGEST || !sign(in->data[dot - size]))
        return 0;
    return dot - size == in->start || before_name(in->data[dot - size - 1]) ? end + 1 : 0;
}

static size_t ipv4_at(const range *in, size_t dot)
{
    size_t first = row_before(in, dot, 4, digit), at = dot;
    if (first > 3)
        return 0;
    if (dot - first > in->start && in->data[dot - first - 1] == '.')
        return 0;
    for (int number = 0; number < 2; number++) {
        size_t size = row(in, at + 1, 4, digit);
        at += 1 + size;
        if (!size || size > 3 || at_or(in, at, 0) != '.')
            return 0;
    }
    return digit(at_or(in, at + 1, 0)) ? at + 2 : 0;
}

static int is_side(uint8_t c) { return (c | 0x20) == 'n' || (c | 0x20) == 's'; }

static size_t coords_at(const range *in, size_t dot)
{
    size_t at = dot + 1, size = row(in, at, MOST_DECIMALS + 1, digit), gaps, side, least = 1;
    if (size < DECIMALS || size > MOST_DECIMALS)
        return 0;
    at += size;
    side = at + (at_or(in, at, 0) == ' ');
    if (is_side(at_or(in, side, 0))) {
        at = side + 1;
        least = 0;
    } else if (at_or(in, at, 0) == 0xB0)
        at++;
    else if (at_or(in, at, 0) == 0xC2 && at_or(in, at + 1, 0) == 0xB0)
        at += 2;
    gaps = row(in, at, GAP + 1, gap);
    if (gaps < least || gaps > GAP)
        return 0;
    at += gaps;
    if (least && (at_or(in, at, 0) == 'E' || at_or(in, at, 0) == 'W' || at_or(in, at, 0) == 'O')) {
        at++;
        at += at_or(in, at, 0) == ' ';
    }
    at += at_or(in, at, 0) == '+' || at_or(in, at, 0) == '-';
    size = row(in, at, 4, digit);
    if (!size || size > 3 || at_or(in, at + size, 0) != '.')
        return 0;
    at += size + 1;
    return row(in, at, DECIMALS, digit) == DECIMALS ? at + DECIMALS : 0;
}

static void look_point(const range *in, size_t at, numbers found[POINTS])
{
    size_t end;
    uint8_t c = in->data[at], next = at_or(in, at + 1, 0);
    if (c == '@' && (end = email_at(in, at)))
        numbers_add(&found[EMAIL], (int64_t)end);
    else if (c == ':' && (end = url_at(in, at)))
        numbers_add(&found[URL], (int64_t)end);
    if (c != '.')
        return;
    if (letter(next) && (end = domain_at(in, at)))
        numbers_add(&found[DOMAIN], (int64_t)end);
    if (!digit(next) || at == in->start || !digit(in->data[at - 1]))
        return;
    if ((end = ipv4_at(in, at)))
        numbers_add(&found[IPV4], (int64_t)end);
    if ((end = coords_at(in, at)))
        numbers_add(&found[COORDS], (int64_t)end);
}

void find_points(const uint8_t *data, size_t start, size_t stop, numbers found[POINTS])
{
    range in = {data, start, stop};
    size_t at = start;
#ifdef __SSE2__
    const __m128i dot = _mm_set1_epi8('.'), sign_at = _mm_set1_epi8('@'), colon = _mm_set1_epi8(':');
    const __m128i slash = _mm_set1_epi8('/'), below = _mm_set1_epi8('%' - 1);
    /* The first byte has none before it. */
    for (at += stop > start; stop - at > 64; at += 64) {
        uint64_t points = 0;
        for (int i = 0; i < 64; i += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(data + at + i));
            __m128i next = _mm_loadu_si128((const __m128i *)(data + at + i + 1));
            __m128i before = _mm_loadu_si128((const __m128i *)(data + at + i - 1));
            __m128i some = _mm_or_si128(_mm_cmpeq_epi8(v, dot), _mm_cmpeq_epi8(v, sign_at));
            /* A letter or figure behind, one or a sign of an address before; these are not all that passes. */
            some = _mm_and_si128(some, _mm_cmpgt_epi8(next, slash));
            some = _mm_or_si128(some, _mm_and_si128(_mm_cmpeq_epi8(v, colon), _mm_cmpeq_epi8(next, slash)));
            some = _mm_and_si128(some, _mm_cmpgt_epi8(before, below));
            points |= (uint64_t)(uint32_t)_mm_movemask_epi8(some) << i;
        }
        for (; points; points &= points - 1)
            look_point(&in, at + (size_t)__builtin_ctzll(points), found);
    }
#endif
    for (; at < stop; at++)
        if (data[at] == '.' || data[at] == '@' || data[at] == ':')
            look_point(&in, at, found);
}

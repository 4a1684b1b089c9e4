/* Anchors that are runs of a few signs: long numbers, cards, bank accounts, grid references, and in plain text digits of
   Base64, fingerprints of PGP keys, seed phrases. Whatever is too short is leapt over: the bytes are read from the far
   end of where a find must reach (after Horspool). Each function gives what the pattern of scan/data/anchors.toml
   would. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "native.h"

enum { RUN = 32, PRINT = 24, GROUPS = 5, LEAST = 3, MOST = 8, WORDS = 12, LEAP = 44 };
enum { NUMBER = 13, REFERENCE = 8 };
enum { LOWER = 1, UPPER = 2, BASE64 = 4, HEX = 8, CAPITAL_HEX = 16, GROUPED = 32, GAP = 64, CAPITAL = 128 };
enum { LETTER = LOWER | UPPER };

#define PLAIN_UPPER (UPPER | BASE64 | CAPITAL)
#define PLAIN_LOWER (LOWER | BASE64)
#define HEX_UPPER (PLAIN_UPPER | HEX | CAPITAL_HEX | GROUPED)
#define HEX_LOWER (PLAIN_LOWER | HEX)
#define FIGURE (BASE64 | HEX | CAPITAL_HEX | GROUPED | CAPITAL)

static const uint8_t classes[256] = {
    ['A'] = HEX_UPPER, ['B'] = HEX_UPPER, ['C'] = HEX_UPPER, ['D'] = HEX_UPPER, ['E'] = HEX_UPPER, ['F'] = HEX_UPPER,
    ['G'] = PLAIN_UPPER, ['H'] = PLAIN_UPPER, ['I'] = PLAIN_UPPER, ['J'] = PLAIN_UPPER,
    ['K'] = PLAIN_UPPER, ['L'] = PLAIN_UPPER, ['M'] = PLAIN_UPPER, ['N'] = PLAIN_UPPER,
    ['O'] = PLAIN_UPPER, ['P'] = PLAIN_UPPER, ['Q'] = PLAIN_UPPER, ['R'] = PLAIN_UPPER,
    ['S'] = PLAIN_UPPER, ['T'] = PLAIN_UPPER, ['U'] = PLAIN_UPPER, ['V'] = PLAIN_UPPER,
    ['W'] = PLAIN_UPPER, ['X'] = PLAIN_UPPER, ['Y'] = PLAIN_UPPER, ['Z'] = PLAIN_UPPER,
    ['a'] = HEX_LOWER, ['b'] = HEX_LOWER, ['c'] = HEX_LOWER, ['d'] = HEX_LOWER, ['e'] = HEX_LOWER, ['f'] = HEX_LOWER,
    ['g'] = PLAIN_LOWER, ['h'] = PLAIN_LOWER, ['i'] = PLAIN_LOWER, ['j'] = PLAIN_LOWER,
    ['k'] = PLAIN_LOWER, ['l'] = PLAIN_LOWER, ['m'] = PLAIN_LOWER, ['n'] = PLAIN_LOWER,
    ['o'] = PLAIN_LOWER, ['p'] = PLAIN_LOWER, ['q'] = PLAIN_LOWER, ['r'] = PLAIN_LOWER,
    ['s'] = PLAIN_LOWER, ['t'] = PLAIN_LOWER, ['u'] = PLAIN_LOWER, ['v'] = PLAIN_LOWER,
    ['w'] = PLAIN_LOWER, ['x'] = PLAIN_LOWER, ['y'] = PLAIN_LOWER, ['z'] = PLAIN_LOWER,
    ['0'] = FIGURE, ['1'] = FIGURE, ['2'] = FIGURE, ['3'] = FIGURE, ['4'] = FIGURE, ['5'] = FIGURE, ['6'] = FIGURE,
    ['7'] = FIGURE, ['8'] = FIGURE, ['9'] = FIGURE, ['+'] = BASE64, ['/'] = BASE64, [' '] = GROUPED | GAP | CAPITAL,
    ['-'] = CAPITAL,
    [','] = GAP, ['\r'] = GAP, ['\n'] = GAP, ['\t'] = GAP,
};

static int is(const uint8_t *data, size_t at, int class) { return classes[data[at]] & class; }

/* The first run of at least `least` signs of a class in [from, stop); sets where it ends. Returns `stop` for none. */
static size_t next_run(const uint8_t *data, size_t from, size_t stop, size_t least, int class, size_t *end)
{
    while (stop - from >= least) {
        size_t at = from + least;
        while (at > from && is(data, at - 1, class))
            at--;
        if (at > from) {
            from = at;
            continue;
        }
        for (*end = from + least; *end < stop && is(data, *end, class);)
            ++*end;
        return from;
    }
    return stop;
}

static int upper(uint8_t c) { return (uint8_t)(c - 'A') < 26; }
static int between(uint8_t c, uint8_t first, uint8_t last) { return c >= first && c <= last && c != 'I' && c != 'O'; }

/* How many signs of a kind stand in a row, at most so many. */
static size_t row(const uint8_t *data, size_t at, size_t stop, size_t most, int (*test)(uint8_t))
{
    size_t n = 0;
    while (n < most && at + n < stop && test(data[at + n]))
        n++;
    return n;
}

static int figure(uint8_t c) { return digit(c) || upper(c); }

/* Where the first fifteen signs of a bank account end that begins here, in one piece or in groups; 0 for none. */
static size_t account_at(const uint8_t *data, size_t at, size_t stop)
{
    if (row(data, at, stop, 2, upper) < 2 || row(data, at + 2, stop, 2, digit) < 2)
        return 0;
    at += 4;
    if (row(data, at, stop, 11, figure) == 11)
        return at + 11;
    for (size_t group = 0; group < 3; group++, at += 5)
        if (at >= stop || (data[at] != ' ' && data[at] != '-') || row(data, at + 1, stop, 4, figure) < 4 - group / 2)
            return 0;
    return at - 1;
}

/* Where the first four digits of a grid reference end that begins here; 0 for none. */
static size_t reference_at(const uint8_t *data, size_t at, size_t stop)
{
    size_t zone = row(data, at, stop, 2, digit);
    at += zone;
    if (!zone || at >= stop || !between(data[at++], 'C', 'X'))
        return 0;
    at += at < stop && data[at] == ' ';
    if (stop - at < 2 || !between(data[at], 'A', 'Z') || !between(data[at + 1], 'A', 'V'))
        return 0;
    at += 2;
    at += at < stop && data[at] == ' ';
    return row(data, at, stop, 4, digit) == 4 ? at + 4 : 0;
}

#ifdef __SSE2__
enum { WINDOW = 64, STARTS = WINDOW - REFERENCE + 1 };

/* Which of 64 bytes are capitals, figures, blanks or dashes. */
static uint64_t capitals_in(const uint8_t *data)
{
    const __m128i blank = _mm_set1_epi8(' '), dash = _mm_set1_epi8('-');
    uint64_t found = 0;
    for (int i = 0; i < WINDOW; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(data + i));
        __m128i letter = _mm_sub_epi8(v, _mm_set1_epi8('A')), number = _mm_sub_epi8(v, _mm_set1_epi8('0'));
        __m128i good = _mm_or_si128(_mm_cmpeq_epi8(v, blank), _mm_cmpeq_epi8(v, dash));
        good = _mm_or_si128(good, _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter));
        good = _mm_or_si128(good, _mm_cmpeq_epi8(_mm_min_epu8(number, _mm_set1_epi8(9)), number));
        found |= (uint64_t)(uint32_t)_mm_movemask_epi8(good) << i;
    }
    return found;
}
#endif

/* The first run of as many capitals, figures, blanks or dashes as a reference has in [from, stop), behind none of them;
   sets where it ends. Returns `stop` for none. */
static size_t next_capitals(const uint8_t *data, size_t from, size_t stop, size_t *end)
{
#ifdef __SSE2__
    /* In each window the runs that begin in it, each found whole. */
    for (; stop - from >= WINDOW; from += STARTS) {
        uint64_t row = capitals_in(data + from);
        row &= row >> 1;
        row &= row >> 2;
        row &= row >> 4;
        if (row) {
            from += (size_t)__builtin_ctzll(row);
            break;
        }
    }
#endif
    return next_run(data, from, stop, REFERENCE, CAPITAL, end);
}

/* Where the groups of digits end that begin here, after one sign or another; 0 for others. */
static size_t groups_at(const uint8_t *data, size_t at, size_t stop, const size_t *sizes, const char *gaps)
{
    for (int group = 0; sizes[group]; group++) {
        if (group && (at >= stop || (data[at] != gaps[0] && data[at] != gaps[1]) || ++at > stop))
            return 0;
        if (row(data, at, stop, sizes[group], digit) < sizes[group])
            return 0;
        at += sizes[group];
    }
    return at;
}

/* The numbers of cards that begin here, of which the first digit of the last group is enough. */
static void look_card(const uint8_t *data, size_t at, size_t stop, numbers found[CAPITALS])
{
    static const size_t fours[] = {4, 4, 4, 1, 0}, amex[] = {4, 6, 4, 0};
    size_t end;
    if (at + 4 >= stop || (data[at + 4] != ' ' && data[at + 4] != '-'))
        return;
    if (data[at] >= '2' && data[at] <= '6' && (end = groups_at(data, at, stop, fours, data[at + 4] == ' ' ? "  " : "--")))
        numbers_add(&found[data[at + 4] == ' ' ? CARDS_SPACED : CARDS_DASHED], (int64_t)end);
    if (data[at] == '3' && (end = groups_at(data, at, stop, amex, " -")))
        numbers_add(&found[AMEX], (int64_t)end);
}

void find_capitals(const uint8_t *data, size_t start, size_t stop, numbers found[CAPITALS])
{
    size_t end = start, at, after;
    while ((at = next_capitals(data, end, stop, &end)) < stop)
        for (; at + REFERENCE <= end; at++) {
            uint8_t before = at > start ? data[at - 1] : 0;
            if (digit(before) || (!digit(data[at]) && !upper(data[at])))
                continue;
            if (digit(data[at]) && before != '.') {
                if (row(data, at, end, NUMBER, digit) == NUMBER)
                    numbers_add(&found[DIGITS], (int64_t)(at + NUMBER));
                look_card(data, at, end, found);
            }
            if (classes[before] & LETTER)
                continue;
            if ((after = account_at(data, at, end)))
                numbers_add(&found[ACCOUNTS], (int64_t)after);
            if ((after = reference_at(data, at, end)))
                numbers_add(&found[REFERENCES], (int64_t)after);
        }
}

void find_runs(const uint8_t *data, size_t start, size_t stop, numbers *ends)
{
    size_t end = start, at;
    while ((at = next_run(data, end, stop, RUN, BASE64, &end)) < stop)
        numbers_add(ends, (int64_t)(at + RUN));
}

/* How long the fingerprint is that begins here, of five groups of four; there may be a second blank before the last. */
static size_t print_at(const uint8_t *data, size_t at, size_t stop)
{
    size_t from = at;
    for (int group = 0; group < GROUPS; group++) {
        if (group && (at >= stop || data[at++] != ' '))
            return 0;
        if (group == GROUPS - 1 && at < stop && data[at] == ' ')
            at++;
        for (int i = 0; i < 4; i++, at++)
            if (at >= stop || !is(data, at, CAPITAL_HEX))
                return 0;
    }
    return at - from;
}

void find_prints(const uint8_t *data, size_t start, size_t stop, numbers *ends)
{
    size_t end = start, at, size;
    while ((at = next_run(data, end, stop, PRINT, GROUPED, &end)) < stop)
        for (; at + PRINT <= end; at++)
            if ((at == start || !is(data, at - 1, HEX)) && (size = print_at(data, at, end)))
                numbers_add(ends, (int64_t)(at + size));
}

typedef struct {
    const uint8_t *data;
    size_t start, size;
    const uint64_t *words;
    size_t slots;
} list;

#ifdef __SSE2__
/* Which of 16 bytes are small letters. */
static unsigned letters_in(__m128i v)
{
    __m128i letter = _mm_sub_epi8(v, _mm_set1_epi8('a'));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter));
}
#endif

static int listed(const list *in, uint64_t word)
{
    size_t slot = (size_t)((word * 0x9E3779B97F4A7C15u) >> 32) & (in->slots - 1);
    for (size_t turn = 0; turn < in->slots && in->words[slot]; turn++, slot = (slot + 1) & (in->slots - 1))
        if (in->words[slot] == word)
            return 1;
    return 0;
}

/* The listed word around a small letter: sets where it begins and ends. */
static int word_at(const list *in, size_t at, size_t *first, size_t *end)
{
    uint64_t word = 0;
    size_t a = at, b = at;
#ifdef __SSE2__
    if (at - in->start >= MOST && at + MOST <= in->size) {
        const uint8_t *from = in->data + at - MOST;
        __m128i v = _mm_loadu_si128((const __m128i *)from);
        unsigned small = letters_in(v), any = letters_in(_mm_or_si128(v, _mm_set1_epi8(0x20)));
        unsigned below = ~small << (32 - MOST), above = ~small >> MOST;
        unsigned before = below ? (unsigned)__builtin_clz(below) : MOST, after = (unsigned)__builtin_ctz(above);
        if (after < MOST) {
            unsigned begin = MOST - before, size = before + after;
            if (!begin || size < LEAST || size > MOST || (any >> (begin - 1) & 1) || (any >> (MOST + after) & 1))
                return 0;
            *first = at - before;
            *end = at + after;
            return listed(in, load(from + begin) & (~(uint64_t)0 >> (64 - 8 * size)));
        }
    }
#endif
    while (a > in->start && at - a <= MOST && is(in->data, a - 1, LOWER))
        a--;
    while (b < in->size && b - a <= MOST && is(in->data, b, LOWER))
        b++;
    if (b - a < LEAST || b - a > MOST || (a > in->start && is(in->data, a - 1, LETTER))
        || (b < in->size && is(in->data, b, LETTER)))
        return 0;
    for (size_t i = a; i < b; i++)
        word |= (uint64_t)in->data[i] << (8 * (i - a));
    *first = a;
    *end = b;
    return listed(in, word);
}

/* The listed word before the one that begins here, across one or two signs. */
static int word_before(const list *in, size_t at, size_t *first)
{
    size_t end;
    for (int gap = 0; gap < 2 && at > in->start && is(in->data, at - 1, GAP); gap++)
        if (--at > in->start && is(in->data, at - 1, LOWER))
            return word_at(in, at - 1, first, &end);
    return 0;
}

/* The listed word after the one that ends here. */
static int word_after(const list *in, size_t at, size_t *first, size_t *end)
{
    for (int gap = 0; gap < 2 && at < in->size && is(in->data, at, GAP); gap++)
        if (++at < in->size && is(in->data, at, LOWER))
            return word_at(in, at, first, end);
    return 0;
}

void find_phrases(const uint8_t *data, size_t start, size_t stop, size_t size, const uint64_t *words, size_t slots,
                  numbers *ends)
{
    list in = {data, start, size, words, slots};
    size_t at = start, first, end;
    while (stop - at > LEAP) {
        size_t letter = at + LEAP;
        at = letter;
        for (int gap = 0; gap < 2 && letter > start && is(data, letter, GAP); gap++)
            letter--;
        if (!is(data, letter, LOWER) || !word_at(&in, letter, &first, &end))
            continue;
        while (word_before(&in, first, &first))
            ;
        word_at(&in, first, &first, &end);
        for (int count = 1; word_after(&in, end, &first, &end);)
            if (++count >= WORDS && first + LEAST <= stop)
                numbers_add(ends, (int64_t)(first + LEAST));
        at = end > at ? end : at;
        if (at >= stop)
            return;
    }
}

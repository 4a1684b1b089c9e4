/* Anchors of plain text: runs of digits of Base64, fingerprints of PGP keys, seed phrases. Whatever is too short is
   leapt over: the bytes are read from the far end of where a find must reach (after Horspool). */
#include "native.h"

enum { RUN = 32, PRINT = 24, GROUPS = 5, LEAST = 3, MOST = 8, WORDS = 12, LEAP = 44 };
enum { LOWER = 1, UPPER = 2, BASE64 = 4, HEX = 8, CAPITAL_HEX = 16, GROUPED = 32, GAP = 64, LETTER = LOWER | UPPER };

#define HEX_UPPER (UPPER | BASE64 | HEX | CAPITAL_HEX | GROUPED)
#define HEX_LOWER (LOWER | BASE64 | HEX)
#define FIGURE (BASE64 | HEX | CAPITAL_HEX | GROUPED)

static const uint8_t classes[256] = {
    ['A'] = HEX_UPPER, ['B'] = HEX_UPPER, ['C'] = HEX_UPPER, ['D'] = HEX_UPPER, ['E'] = HEX_UPPER, ['F'] = HEX_UPPER,
    ['G'] = UPPER | BASE64, ['H'] = UPPER | BASE64, ['I'] = UPPER | BASE64, ['J'] = UPPER | BASE64,
    ['K'] = UPPER | BASE64, ['L'] = UPPER | BASE64, ['M'] = UPPER | BASE64, ['N'] = UPPER | BASE64,
    ['O'] = UPPER | BASE64, ['P'] = UPPER | BASE64, ['Q'] = UPPER | BASE64, ['R'] = UPPER | BASE64,
    ['S'] = UPPER | BASE64, ['T'] = UPPER | BASE64, ['U'] = UPPER | BASE64, ['V'] = UPPER | BASE64,
    ['W'] = UPPER | BASE64, ['X'] = UPPER | BASE64, ['Y'] = UPPER | BASE64, ['Z'] = UPPER | BASE64,
    ['a'] = HEX_LOWER, ['b'] = HEX_LOWER, ['c'] = HEX_LOWER, ['d'] = HEX_LOWER, ['e'] = HEX_LOWER, ['f'] = HEX_LOWER,
    ['g'] = LOWER | BASE64, ['h'] = LOWER | BASE64, ['i'] = LOWER | BASE64, ['j'] = LOWER | BASE64,
    ['k'] = LOWER | BASE64, ['l'] = LOWER | BASE64, ['m'] = LOWER | BASE64, ['n'] = LOWER | BASE64,
    ['o'] = LOWER | BASE64, ['p'] = LOWER | BASE64, ['q'] = LOWER | BASE64, ['r'] = LOWER | BASE64,
    ['s'] = LOWER | BASE64, ['t'] = LOWER | BASE64, ['u'] = LOWER | BASE64, ['v'] = LOWER | BASE64,
    ['w'] = LOWER | BASE64, ['x'] = LOWER | BASE64, ['y'] = LOWER | BASE64, ['z'] = LOWER | BASE64,
    ['0'] = FIGURE, ['1'] = FIGURE, ['2'] = FIGURE, ['3'] = FIGURE, ['4'] = FIGURE, ['5'] = FIGURE, ['6'] = FIGURE,
    ['7'] = FIGURE, ['8'] = FIGURE, ['9'] = FIGURE, ['+'] = BASE64, ['/'] = BASE64, [' '] = GROUPED | GAP,
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

/* What most candidates fail, before Python looks at them: the first digits of runs of Base64, the head of a deflated
   stream, and the line of text around a find. */
#include "native.h"

enum { RUN = 32, HEAD = 40, REACH = 2048, HEAD_BYTES = 16 };

static int base58_head(uint8_t c) { return c == '1' || c == '3' || c == 'T'; }

static int safe(uint8_t c)
{
    return digit(c) || (uint8_t)((c | 0x20) - 'a') < 26 || c == '-' || c == '_';
}

/* Whether the signs that begin here are one of the rows of the table; there are eight at least. */
static int is_first(const uint64_t *table, const uint8_t *data)
{
    uint64_t rows = ~(uint64_t)0;
    for (int i = 0; i < SIGNS && rows; i++) {
        uint8_t c = data[i] == '-' ? '+' : data[i] == '_' ? '/' : data[i];
        rows &= table[i * 256 + c];
    }
    return rows != 0;
}

/* Keeps of the ends of runs in `data` those that `scan.layers.promising` would; `offset` is where `data` begins. */
void keep_promising(const uint8_t *data, const uint64_t *table, int64_t offset, numbers *ends)
{
    size_t kept = 0;
    for (size_t i = 0; i < ends->count; i++) {
        size_t start = (size_t)ends->items[i] - RUN, head = start;
        uint64_t into = ((uint64_t)offset + start) % PAGE;
        uint8_t before = start ? data[start - 1] : 0;
        int good = is_first(table, data + start) || (PAGE - into) % PAGE < HEAD || base58_head(data[start]);
        if (!good && (before == '-' || before == '_')) {
            while (head && start - head < REACH && safe(data[head - 1]))
                head--;
            good = is_first(table, data + head);
        }
        if (good)
            ends->items[kept++] = ends->items[i];
    }
    ends->count = kept;
}

static unsigned bit_at(const uint8_t *data, size_t at) { return data[at / 8] >> at % 8 & 1; }

/* Numbers come with their lowest bit first, codes with their highest. */
static unsigned number_at(const uint8_t *data, size_t at, unsigned count)
{
    unsigned number = 0;
    for (unsigned i = 0; i < count; i++)
        number |= bit_at(data, at + i) << i;
    return number;
}

static unsigned code_at(const uint8_t *data, size_t at, unsigned count)
{
    unsigned code = 0;
    for (unsigned i = 0; i < count; i++)
        code = code << 1 | bit_at(data, at + i);
    return code;
}

/* Whether the symbols of a block of fixed codes can be so, as far as the bytes go: each copies what is there already
   (RFC 1951 3.2.5 and 3.2.6). */
static int is_fixed(const uint8_t *data, size_t size)
{
    size_t at = 3, end = 8 * size, made = 0;
    while (at + 9 <= end) {
        unsigned symbol = 256 + code_at(data, at, 7), code = code_at(data, at, 8);
        if (symbol >= 280) {
            if (code < 0xC0 || code >= 0xC8) {
                at += code < 0xC0 ? 8 : 9;
                made++;
                continue;
            }
            symbol = 280 + code - 0xC0;
            at++;
        }
        at += 7;
        if (symbol == 256)
            return 1;
        if (symbol > 285)
            return 0;
        unsigned more = symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4;
        unsigned least = symbol < 265 ? symbol - 254 : symbol == 285 ? 258 : ((4 + (symbol - 265) % 4) << more) + 3;
        if (at + more + 5 > end)
            return 1;
        size_t length = least + number_at(data, at, more);
        unsigned far = code_at(data, at + more, 5), further = far < 4 ? 0 : (far - 2) / 2;
        at += more + 5;
        if (far > 29)
            return 0;
        if (at + further > end)
            return 1;
        if ((far < 4 ? far : (2 + (far & 1)) << further) + number_at(data, at, further) >= made)
            return 0;
        at += further;
        made += length;
    }
    return 1;
}

/* Whether a zlib header is followed by a block that may begin so (RFC 1950, RFC 1951 3.2.3). */
int is_deflated(const uint8_t *head, size_t size)
{
    if (size < 8 || (head[0] & 15) != 8 || head[0] >> 4 > 7 || (head[0] << 8 | head[1]) % 31 || head[1] & 32)
        return 0;
    int kind = head[2] >> 1 & 3, total = 0;
    if (kind == 0)
        return (head[3] ^ head[5]) == 255 && (head[4] ^ head[6]) == 255;
    if (kind == 1)
        return is_fixed(head + 2, size < HEAD_BYTES ? size - 2 : HEAD_BYTES - 2);
    if (kind != 2)
        return 0;
    uint8_t all[16] = {0};
    memcpy(all, head + 2, size < HEAD_BYTES ? size - 2 : HEAD_BYTES - 2);
    uint64_t bits = load(all) >> 3;
    int literals = bits & 31, distances = bits >> 5 & 31, count = (int)(bits >> 10 & 15) + 4;
    if (literals > 29 || distances > 29)
        return 0;
    for (int i = 0, at = 17; i < count; i++, at += 3) {
        int length = (all[at / 8] | all[at / 8 + 1] << 8) >> at % 8 & 7;
        total += length ? 128 >> length : 0;
    }
    return total == 128;
}

static int control(uint8_t c) { return c < 0x20 || c == 0x7F; }

/* ASCII as one line: a blank for each row of controls, and where there were some, none at either end. Returns how many
   bytes were written to `line`, as many as there are at most, or -1 where there is more than ASCII. */
int64_t as_line(const uint8_t *data, size_t size, uint8_t *line)
{
    size_t count = 0;
    int some = 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] & 0x80)
            return -1;
        if (!control(data[i])) {
            line[count++] = data[i];
            continue;
        }
        some = 1;
        if (!i || !control(data[i - 1]))
            line[count++] = ' ';
    }
    size_t first = 0;
    while (some && count && line[count - 1] == ' ')
        count--;
    while (some && first < count && line[first] == ' ')
        first++;
    memmove(line, line + first, count - first);
    return (int64_t)(count - first);
}

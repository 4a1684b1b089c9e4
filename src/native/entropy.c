/* JPEG's entropy coding, symbol by symbol, as carve/huffman.py reads it (ITU-T T.81, F.2.2). */
#include "native.h"

static uint64_t low(uint64_t value, int bits) { return bits ? value & (UINT64_MAX >> (64 - bits)) : 0; }

static int stuffed(const uint8_t *raw, size_t at) { return at > 1 && raw[at - 1] == 0 && raw[at - 2] == 0xFF; }

/* Bytes into the window until it has 32 bits, a marker comes or the bytes end. */
static void fill(entropy *e)
{
    while (e->left < 32 && e->at < e->size) {
        uint8_t byte = e->raw[e->at];
        if (byte == 0xFF) {
            if (e->at + 1 >= e->size || e->raw[e->at + 1])
                break;
            e->at++;
        }
        e->window = e->window << 8 | byte;
        e->left += 8;
        e->at++;
    }
}

/* One block: 1 where it is good, 0 where the bytes end in it, -1 where its bits are none. */
static int block(entropy *e, const entropy_block *of)
{
    for (int index = 0; index < 64;) {
        fill(e);
        uint64_t next = e->left >= 16 ? e->window >> (e->left - 16) : e->window << (16 - e->left);
        uint16_t entry = (index ? of->rest : of->first)[next];
        int length = entry >> 8, symbol = entry & 0xFF, extra = index ? symbol & 15 : symbol;
        if (!length || length + extra > e->left)
            return e->left < 32 && e->at + 1 >= e->size ? 0 : -1;
        e->left -= length + extra;
        int64_t value = (int64_t)low(e->window >> e->left, extra);
        e->window = low(e->window, e->left);
        if (index) {
            index += extra ? (symbol >> 4) + 1 : symbol == 0xF0 ? 16 : 64;
            if (index > 64 && symbol)
                return -1;
            continue;
        }
        int64_t level = e->levels[of->part] += !extra || value >> (extra - 1) ? value : value - ((int64_t)1 << extra) + 1;
        if (extra > 11 || level > e->most[of->part] || level < -e->most[of->part])
            return -1;
        index = 1;
    }
    return 1;
}

/* The marker before MCU number `done`: 1 where it is the one that is due. */
static int restarted(entropy *e, int64_t number)
{
    while (e->at + 1 < e->size && e->raw[e->at] == 0xFF && e->raw[e->at + 1] == 0xFF)
        e->at++;
    if (e->at + 1 >= e->size || e->raw[e->at] != 0xFF || e->raw[e->at + 1] != 0xD0 + (number - 1) % 8)
        return 0;
    e->at += 2;
    e->left = 0;
    e->window = 0;
    memset(e->levels, 0, sizeof e->levels);
    return 1;
}

int64_t entropy_read(entropy *e, const entropy_block *blocks, int count, int64_t mcus, int64_t restart)
{
    e->window = e->left ? low(stuffed(e->raw, e->at) ? 0xFF : e->raw[e->at - 1], e->left) : 0;
    while (e->done < mcus) {
        entropy before = *e;
        int good = 1;
        if (restart && e->done && e->done % restart == 0)
            good = e->at + 2 > e->size ? 0 : restarted(e, e->done / restart) ? 1 : -1;
        for (int i = 0; i < count && good > 0; i++)
            good = block(e, &blocks[i]);
        if (good <= 0) {
            int64_t stopped = good < 0 ? (int64_t)e->at : -1;
            *e = before;
            return stopped;
        }
        e->done++;
        for (; e->left >= 8; e->left -= 8, e->window >>= 8)
            e->at -= stuffed(e->raw, e->at) ? 2 : 1;
    }
    return -1;
}

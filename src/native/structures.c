/* Structures without a signature: blocks of Outlook ([MS-PST] 2.2.2.8.1) and sets of pages of a hibernation file, as
   scan/outlook.py and scan/hiber.py know them. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define CARRYLESS
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "native.h"

enum { GRAIN = 64, TRAILER = 16, MOST = 8192, LEAST = 16, PAGES = 16 };

static uint32_t tables[8][256];

#ifdef CARRYLESS
enum { ROW = 16, LEAST_ROWS = 4 };

#define CAREFULLY __attribute__((target("pclmul,sse4.1")))

/* A row moved on over what its constants stand for, and what stands there added. */
CAREFULLY static __m128i fold(__m128i row, __m128i by, __m128i there)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(row, by, 0x00), _mm_clmulepi64_si128(row, by, 0x11)), there);
}

CAREFULLY static __m128i row_at(const uint8_t *data) { return _mm_loadu_si128((const __m128i *)data); }

/* The sum of at least four whole rows by carry-less multiplication (Gopal and others, Fast CRC Computation for Generic
   Polynomials Using PCLMULQDQ Instruction, Intel 2009). */
CAREFULLY static uint32_t sum_of_rows(const uint8_t *data, size_t rows)
{
    const __m128i four = _mm_set_epi64x(0x01C6E41596, 0x0154442BD4), one = _mm_set_epi64x(0x00CCAA009E, 0x01751997D0);
    const __m128i half = _mm_set_epi64x(0, 0x0163CD6124), barrett = _mm_set_epi64x(0x01F7011641, 0x01DB710641);
    const __m128i words = _mm_setr_epi32(-1, 0, -1, 0);
    __m128i x[LEAST_ROWS];
    for (int i = 0; i < LEAST_ROWS; i++)
        x[i] = row_at(data + ROW * i);
    for (data += ROW * LEAST_ROWS, rows -= LEAST_ROWS; rows >= LEAST_ROWS; data += ROW * LEAST_ROWS, rows -= LEAST_ROWS)
        for (int i = 0; i < LEAST_ROWS; i++)
            x[i] = fold(x[i], four, row_at(data + ROW * i));
    __m128i all = x[0];
    for (int i = 1; i < LEAST_ROWS; i++)
        all = fold(all, one, x[i]);
    for (; rows; data += ROW, rows--)
        all = fold(all, one, row_at(data));
    all = _mm_xor_si128(_mm_srli_si128(all, 8), _mm_clmulepi64_si128(all, one, 0x10));
    all = _mm_xor_si128(_mm_srli_si128(all, 4), _mm_clmulepi64_si128(_mm_and_si128(all, words), half, 0x00));
    __m128i rest = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(all, words), barrett, 0x10), words);
    all = _mm_xor_si128(all, _mm_clmulepi64_si128(rest, barrett, 0x00));
    return (uint32_t)_mm_extract_epi32(all, 1);
}
#endif

/* CRC-32 of IEEE 802.3 without the complements, sixteen bytes at a time or eight. */
static uint32_t checksum(const uint8_t *data, size_t size)
{
    uint32_t sum = 0;
    if (!tables[0][1])
        for (uint32_t i = 0; i < 8 * 256; i++) {
            uint32_t c = i < 256 ? i : tables[i / 256 - 1][i % 256];
            for (int bit = 0; bit < 8; bit++)
                c = i < 256 ? c >> 1 ^ (c & 1 ? 0xEDB88320u : 0) : c;
            tables[i / 256][i % 256] = i < 256 ? c : c >> 8 ^ tables[0][c & 0xFF];
        }
#ifdef CARRYLESS
    if (size >= ROW * LEAST_ROWS && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        sum = sum_of_rows(data, size / ROW);
        data += size / ROW * ROW;
        size %= ROW;
    }
#endif
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t v = load(data) ^ sum;
        sum = tables[7][v & 0xFF] ^ tables[6][v >> 8 & 0xFF] ^ tables[5][v >> 16 & 0xFF] ^ tables[4][v >> 24 & 0xFF]
              ^ tables[3][v >> 32 & 0xFF] ^ tables[2][v >> 40 & 0xFF] ^ tables[1][v >> 48 & 0xFF] ^ tables[0][v >> 56];
    }
    for (; size; data++, size--)
        sum = tables[0][(sum ^ *data) & 0xFF] ^ sum >> 8;
    return sum;
}

/* Whether a block ends here with a trailer that says this; adds its end, size, key and room. The sum of zeros is zero,
   and no block is encoded as zeros. */
static int proved(const uint8_t *data, size_t end, size_t size, uint64_t key, uint32_t check, size_t trailer,
                  numbers *blocks)
{
    size_t room = (size + trailer + GRAIN - 1) / GRAIN * GRAIN;
    if (size < LEAST || size > MOST - trailer || key <= 3 || (key & 2) || !check || room > end
        || checksum(data + end - room, size) != check)
        return 0;
    numbers_add(blocks, (int64_t)end);
    numbers_add(blocks, (int64_t)size);
    numbers_add(blocks, (int64_t)(key & 0xFFFFFFFF));
    numbers_add(blocks, (int64_t)room);
    return 1;
}

void find_blocks(const uint8_t *data, size_t start, size_t stop, numbers *blocks)
{
    for (size_t end = start + GRAIN; end <= stop; end += GRAIN) {
        uint64_t left = load(data + end - TRAILER), key = load(data + end - TRAILER / 2);
        uint64_t own = key & 0xFFFFFFFF;
        /* Numbers of blocks grow by four; no store has come to these. */
        if (key - 4 < (uint64_t)1 << 40
            && proved(data, end, left & 0xFFFF, key, (uint32_t)(left >> 32), 16, blocks))
            continue;
        if (own - 4 < 1 << 24)
            proved(data, end, left >> 32 & 0xFFFF, own, (uint32_t)(key >> 32), 12, blocks);
    }
}

/* Whether these bytes begin with the header of a set that can be one. */
static int is_set(const uint8_t *head, size_t size)
{
    size_t count = head[0], packed = head[1] | (size_t)head[2] << 8 | (size_t)(head[3] & 0x3F) << 16, pages = 0;
    uint64_t before = UINT64_MAX;
    if (count - 1 >= PAGES || size < 4 + 8 * count || packed < 8)
        return 0;
    for (size_t at = 4; at < 4 + 8 * count; at += 8) {
        uint64_t place = load(head + at);
        if (place >> 32 || place >> 4 == before)
            return 0;
        pages += (place & 15) + 1;
        before = place >> 4;
    }
    return pages <= PAGES && packed <= pages * PAGE;
}

void find_sets(const uint8_t *data, size_t start, size_t stop, size_t size, size_t most, numbers *places)
{
    for (size_t at = start; at < stop && size - at >= 12 && places->count < most;) {
#ifdef __SSE2__
        if (size - at >= 12 + 16) {
            const __m128i zero = _mm_setzero_si128();
            __m128i low = _mm_loadu_si128((const __m128i *)(data + at + 10));
            __m128i high = _mm_loadu_si128((const __m128i *)(data + at + 11));
            if (!_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_or_si128(low, high), zero))) {
                at += 16;
                continue;
            }
        }
#endif
        /* The upper half of the place of a page is zero. */
        if (data[at + 11] | data[at + 10]) {
            at += data[at + 11] ? 4 : 3;
            continue;
        }
        if (is_set(data + at, size - at))
            numbers_add(places, (int64_t)at);
        at++;
    }
}

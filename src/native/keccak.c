/* Keccak-f[1600] (FIPS 202, 3.2 and 3.3). */
#include "native.h"

static uint64_t turn(uint64_t value, unsigned n) { return value << n | value >> ((64 - n) & 63); }

/* One step of the shift register that makes the constants of iota (FIPS 202, algorithm 5). */
static unsigned next(unsigned bits) { return (bits << 1 ^ (bits & 0x80 ? 0x71u : 0)) & 0xFF; }

void keccak_f(uint64_t a[25])
{
    unsigned bits = 1;
    for (int round = 0; round < 24; round++) {
        uint64_t column[5], moved[25];
        for (int x = 0; x < 5; x++)
            column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (int x = 0; x < 25; x++)
            a[x] ^= column[(x + 4) % 5] ^ turn(column[(x + 1) % 5], 1);
        memcpy(moved, a, sizeof moved);
        for (int t = 0, x = 1, y = 0; t < 24; t++) {
            int to = (2 * x + 3 * y) % 5;
            moved[y + 5 * to] = turn(a[x + 5 * y], (unsigned)((t + 1) * (t + 2) / 2 % 64));
            x = y;
            y = to;
        }
        for (int y = 0; y < 25; y += 5)
            for (int x = 0; x < 5; x++)
                a[x + y] = moved[x + y] ^ (~moved[(x + 1) % 5 + y] & moved[(x + 2) % 5 + y]);
        for (int j = 0; j < 7; j++) {
            a[0] ^= (uint64_t)(bits & 1) << ((1 << j) - 1);
            bits = next(bits);
        }
    }
}

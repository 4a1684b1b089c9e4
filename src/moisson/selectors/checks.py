"""Check digits and checksums, by the name a kind may ask for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from moisson import native

if TYPE_CHECKING:
    from collections.abc import Callable

_B58 = {c: i for i, c in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH = {c: i for i, c in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_ROUNDS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
_TURNS = (1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44)
_LANES = (10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1)
_MASK = (1 << 64) - 1


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    if not digits.isascii() or not digits.isdigit():
        return False
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(c)] for c in digits[-2::-2])
    return total % 10 == 0


def mod97(text: str) -> bool:
    """ISO 7064 MOD 97-10, as in an IBAN (ISO 13616)."""
    if not text.isascii() or not text.isalnum() or len(text) < 5:
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def mrz(field: str, digit: str) -> bool:
    """ICAO Doc 9303 part 3: weights 7, 3, 1."""
    total = 0
    for i, c in enumerate(field):
        value = 0 if c == "<" else int(c, 36) if c.isascii() and c.isalnum() else -1
        if value < 0:
            return False
        total += value * (7, 3, 1)[i % 3]
    return digit == str(total % 10) or (digit == "<" and total == 0)


def base58(text: str) -> bytes | None:
    """The payload behind a Base58Check checksum, or None."""
    number = 0
    for c in text:
        if c not in _B58:
            return None
        number = number * 58 + _B58[c]
    zeros = len(text) - len(text.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(raw) < 5 or hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] != raw[-4:]:
        return None
    return raw[:-4]


def bech32(text: str) -> bool:
    """BIP 173 and BIP 350: the checksum, and that the one fits the version of the witness."""
    prefix, _, data = text.rpartition("1")
    if not prefix or len(data) < 7 or any(c not in _BECH for c in data):
        return False
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *(_BECH[c] for c in data)]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check == (1 if data[0] == "q" else 0x2BC830A3)


def keccak256(data: bytes) -> bytes:
    """Keccak with the padding of before FIPS 202, as Ethereum uses it; for at most 135 bytes."""
    return native.code.keccak256(data) if native.code else _keccak256(data)


def _keccak256(data: bytes) -> bytes:
    block = bytearray(136)
    block[: len(data)] = data
    block[len(data)] ^= 0x01
    block[135] ^= 0x80
    state = [int.from_bytes(block[i * 8 : i * 8 + 8], "little") for i in range(17)] + [0] * 8
    for constant in _ROUNDS:
        column = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        for x in range(5):
            d = column[(x + 4) % 5] ^ _turn(column[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                state[x + y] ^= d
        carried = state[1]
        for turn, lane in zip(_TURNS, _LANES, strict=True):
            carried, state[lane] = state[lane], _turn(carried, turn)
        for y in range(0, 25, 5):
            row = state[y : y + 5]
            for x in range(5):
                state[x + y] = row[x] ^ (~row[(x + 1) % 5] & _MASK & row[(x + 2) % 5])
        state[0] ^= constant
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _turn(value: int, n: int) -> int:
    return (value << n | value >> (64 - n)) & _MASK


def eip55(hexadecimal: str) -> str:
    """Forty hexadecimal digits with the capitals of EIP-55."""
    plain = hexadecimal.lower()
    mask = keccak256(plain.encode()).hex()
    return "".join(c.upper() if int(m, 16) > 7 else c for c, m in zip(plain, mask, strict=False))


CHECKS: dict[str, Callable[[str], bool]] = {
    "luhn": luhn,
    "mod97": mod97,
    "base58": lambda text: base58(text) is not None,
    "bech32": bech32,
}

"""Binary Office files obfuscated with a password ([MS-OFFCRYPTO] 2.3.7): Excel's method 1, Word's method 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moisson.errors import PasswordError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 15
_PAD = bytes.fromhex("bbffffbaffffb98000be0f00bf0f00")
_FIRST = (
    *(0xE1F0, 0x1D0F, 0xCC9C, 0x84C0, 0x110C, 0x0E10, 0xF1CE, 0x313E),
    *(0x1872, 0xE139, 0xD40F, 0x84F9, 0x280C, 0xA96A, 0x4EC3),
)
_ROWS = (
    *(0xAEFC, 0x7B61, 0x4563, 0x0375, 0xD849, 0x6F45, 0xEB23, 0x47D3),
    *(0xB861, 0x45A0, 0xAA51, 0x76B4, 0x3730, 0x3331, 0x1021),
)
_DEFAULT = "VelvetSweatshop"
_ROTATED = bytes((i << 3 | i >> 5) & 0xFF for i in range(256))


@dataclass(frozen=True, slots=True)
class Veil:
    """The sixteen bytes that a password makes."""

    array: bytes

    def lift_record(self, body: bytes, at: int) -> bytes:
        """The content of a record of Excel that begins at `at` of its stream."""
        return bytes(b ^ a for b, a in zip(body, self._run(at + len(body), len(body)), strict=True)).translate(_ROTATED)

    def lift_stream(self, data: bytes) -> bytes:
        """A stream of Word, in which no byte becomes or stays veiled as zero."""
        pairs = zip(data, self._run(0, len(data)), strict=True)
        return bytes(b ^ a if b and b != a else b for b, a in pairs)

    def _run(self, start: int, size: int) -> bytes:
        first = start % 16
        return (self.array * (size // 16 + 2))[first : first + size]


def find(key: int, verifier: int, passwords: Iterable[str]) -> Veil:
    """The veil of the password that has this key and this verifier; raises `PasswordError`."""
    for password in dict.fromkeys((_DEFAULT, *passwords)):
        for charset in ("cp1252", "cp1256"):
            raw = password.encode(charset, "replace")[:_LONGEST]
            if raw and key_of(raw) == key and verifier_of(raw) == verifier:
                return Veil(array_of(raw))
    raise PasswordError("the document is obfuscated with a password; none at hand lifts it")


def verifier_of(password: bytes) -> int:
    """2.3.7.1."""
    value = 0
    for byte in reversed((len(password), *password)):
        value = (value >> 14 & 1 | value << 1 & 0x7FFF) ^ byte
    return value ^ 0xCE4B


def key_of(password: bytes) -> int:
    """2.3.7.2: each row of the matrix doubles its first number modulo the polynomial of CRC-16."""
    value = _FIRST[len(password) - 1]
    for byte, row in zip(reversed(password), reversed(_ROWS), strict=False):
        for bit in range(7):
            if byte >> bit & 1:
                value ^= row
            row = row << 1 & 0xFFFF ^ (0x1021 if row & 0x8000 else 0)
    return value


def array_of(password: bytes) -> bytes:
    """2.3.7.2: the password padded to sixteen bytes, under the two bytes of its key in turn, turned by a bit."""
    key = key_of(password).to_bytes(2, "little")
    veiled = (byte ^ key[i % 2] for i, byte in enumerate((password + _PAD)[:16]))
    return bytes((v >> 1 | v << 7) & 0xFF for v in veiled)

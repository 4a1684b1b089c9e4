"""The two ways a ZIP member is encrypted: the old cipher of PKWARE, and AES as WinZip does it (AE-1, AE-2)."""

from __future__ import annotations

import hmac
from hashlib import pbkdf2_hmac
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from moisson.errors import DamagedError, LimitError
from moisson.reader import Memory, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.reader import Medium

_ROUNDS = 1000
_SALT = {1: 8, 2: 12, 3: 16}
_MAC = 10
_MOST_CLASSIC = 64 << 20
_TABLE = [crc32(bytes([n ^ 0xFF]), 0) ^ 0xFF000000 for n in range(256)]
_KEYS = 10_000


class _Counter:
    """AES in counter mode with the counter of WinZip: little-endian, from one."""

    def __init__(self, medium: Medium, key: bytes) -> None:
        self.medium = medium
        self.size = self.present = medium.size
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        first, last = offset // 16, (offset + n - 1) // 16
        blocks = np.zeros((last - first + 1, 2), "<u8")
        blocks[:, 0] = np.arange(first + 1, last + 2, dtype="<u8")
        stream = self._cipher.encryptor().update(blocks.tobytes())
        skip = offset - 16 * first
        data = np.frombuffer(self.medium.pread(offset, n).ljust(n, b"\0"), "u1")
        clear: bytes = (data ^ np.frombuffer(stream, "u1", n, skip)).tobytes()
        return clear


def open_aes(raw: Medium, strength: int, keys: Sequence[str]) -> Medium | None:
    """The packed bytes in clear, or None when no key fits; raises `DamagedError`."""
    if (salt := _SALT.get(strength)) is None or raw.size < salt + 2 + _MAC:
        raise DamagedError("zip: an encrypted member is too short")
    width = 8 * (strength + 1)
    body = Window(raw, salt + 2, raw.size - salt - 2 - _MAC)
    head = raw.pread(0, salt + 2)
    for key in islice(keys, _KEYS):
        made = pbkdf2_hmac("sha1", key.encode("utf-8", "surrogatepass"), head[:salt], _ROUNDS, 2 * width + 2)
        if made[-2:] == head[salt:] and _holds(raw, body, made[width : 2 * width]):
            return _Counter(body, made[:width])
    return None


def _holds(raw: Medium, body: Medium, key: bytes) -> bool:
    """Whether the code at the end agrees; two bytes alone let one wrong key in 65,536 pass."""
    code = hmac.new(key, digestmod="sha1")
    for at in range(0, body.size, 1 << 20):
        code.update(body.pread(at, 1 << 20))
    return hmac.compare_digest(code.digest()[:_MAC], raw.pread(raw.size - _MAC, _MAC))


def open_classic(raw: Medium, check: int, keys: Sequence[str]) -> Medium | None:
    """The packed bytes in clear, or None when no key fits; raises `LimitError` for what would take minutes."""
    head = raw.pread(0, 12)
    for key in islice(keys, _KEYS):
        cipher = _Classic(key.encode("utf-8", "surrogatepass"))
        if cipher.clear(head)[-1:] == bytes([check]):
            if raw.size > _MOST_CLASSIC:
                raise LimitError(f"zip: {raw.size} bytes under the old cipher")
            return Memory(bytes(cipher.clear(raw.pread(12, raw.size))))
    return None


class _Classic:
    """The stream cipher of PKWARE (APPNOTE.TXT 6.1)."""

    def __init__(self, key: bytes) -> None:
        self.state = (0x12345678, 0x23456789, 0x34567890)
        for byte in key:
            self.state = _turn(*self.state, byte)

    def clear(self, data: bytes) -> bytearray:
        """The next bytes in clear."""
        a, b, c = self.state
        found = bytearray(len(data))
        for n, byte in enumerate(data):
            k = c | 2
            found[n] = byte = byte ^ ((k * (k ^ 1) >> 8) & 0xFF)
            a, b, c = _turn(a, b, c, byte)
        self.state = (a, b, c)
        return found


def _turn(a: int, b: int, c: int, byte: int) -> tuple[int, int, int]:
    a = (a >> 8) ^ _TABLE[(a ^ byte) & 0xFF]
    b = ((b + (a & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
    return a, b, (c >> 8) ^ _TABLE[(c ^ (b >> 24)) & 0xFF]

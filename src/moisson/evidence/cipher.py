"""Sectors under AES, many at a time: XTS (IEEE 1619) and CBC with plain or ESSIV vectors, as dm-crypt names them.

All blocks of a stretch go through AES in one call; the tweaks of all its sectors are computed side by side.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from moisson.errors import DamagedError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.reader import Medium

STRIDE = 1 << 20


def sectors(encryption: str, key: bytes, sector: int) -> Callable[[bytes, int], bytes]:
    """A function of whole sectors and the number of the first that gives them decrypted; numbers count 512 bytes."""
    name, _, rest = encryption.partition("-")
    mode, _, vector = rest.partition("-")
    if name != "aes" or mode not in ("xts", "cbc") or vector not in ("plain", "plain64", "essiv:sha256"):
        raise UnsupportedError(f"cipher {encryption[:60]} is not read here")
    half = len(key) // 2
    if (mode == "xts" and len(key) not in (32, 64)) or (mode == "cbc" and len(key) not in (16, 24, 32)):
        raise DamagedError(f"a key of {len(key)} bytes does not fit {encryption}")
    if mode == "xts":
        numbers = _numbers(vector, key, key[half:])
        return lambda data, first: _xts(data, _ecb(key[:half], decrypt=True), numbers(data, first, sector), sector)
    numbers = _numbers(vector, key, None)
    return lambda data, first: _cbc(data, _ecb(key, decrypt=True), numbers(data, first, sector), sector)


def _ecb(key: bytes, *, decrypt: bool) -> Callable[[bytes], bytes]:
    cipher = Cipher(algorithms.AES(key), modes.ECB())
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update


def _numbers(vector: str, key: bytes, tweak: bytes | None) -> Callable[[bytes, int, int], np.ndarray]:
    """The first vector of each sector, as pairs of 64-bit words."""
    essiv = sha256(key).digest() if vector.startswith("essiv") else None

    def vectors(data: bytes, first: int, sector: int) -> np.ndarray:
        count = len(data) // sector
        words = np.zeros((count, 2), "<u8")
        words[:, 0] = np.uint64(first) + np.arange(count, dtype="<u8") * np.uint64(sector // 512)
        if vector == "plain":
            words[:, 0] &= np.uint64(0xFFFFFFFF)
        raw = words.tobytes()
        for secret in (essiv, tweak):
            raw = _ecb(secret, decrypt=False)(raw) if secret else raw
        return np.frombuffer(raw, "<u8").reshape(count, 2)

    return vectors


def _xts(data: bytes, aes: Callable[[bytes], bytes], tweaks: np.ndarray, sector: int) -> bytes:
    blocks = sector // 16
    masks = np.empty((len(tweaks), blocks, 2), "<u8")
    low, high = tweaks[:, 0].copy(), tweaks[:, 1].copy()
    one, top, poly = np.uint64(1), np.uint64(63), np.uint64(0x87)
    for block in range(blocks):
        masks[:, block, 0], masks[:, block, 1] = low, high
        carry = (high >> top) * poly
        high = (high << one) | (low >> top)
        low = (low << one) ^ carry
    flat = masks.reshape(-1)
    plain = np.frombuffer(aes((np.frombuffer(data, "<u8") ^ flat).tobytes()), "<u8") ^ flat
    return plain.tobytes()


def _cbc(data: bytes, aes: Callable[[bytes], bytes], vectors: np.ndarray, sector: int) -> bytes:
    before = np.empty((len(vectors), sector // 16, 2), "<u8")
    before[:, 1:] = np.frombuffer(data, "<u8").reshape(before.shape)[:, :-1]
    before[:, 0] = vectors
    return (np.frombuffer(aes(data), "<u8") ^ before.reshape(-1)).tobytes()


class Decrypted:
    """A stretch of an encrypted medium, seen in clear; what is beyond `present` reads as zeros, not as noise."""

    def __init__(
        self, medium: Medium, offset: int, size: int, encryption: str, key: bytes, sector: int, first: int
    ) -> None:
        self._medium, self._offset, self._sector, self._first = medium, offset, sector, first
        self._decrypt = sectors(encryption, key, sector)
        self.size = max(0, size)
        self.present = max(0, min(self.size, medium.present - offset) // sector * sector)
        self._last: tuple[int, bytes] = (0, b"")

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        at, data = self._last
        if at <= offset and offset + n <= at + len(data):
            return data[offset - at : offset - at + n]
        return self._fresh(offset, n)

    def _fresh(self, offset: int, n: int) -> bytes:
        start = offset // self._sector * self._sector
        end = min(-(-(offset + max(n, 16384)) // self._sector) * self._sector, self.present)
        pieces = []
        for at in range(start, end, STRIDE):
            raw = self._medium.pread(self._offset + at, min(STRIDE, end - at))
            pieces.append(self._decrypt(raw[: len(raw) // self._sector * self._sector], self._first + at // 512))
        data = b"".join(pieces)
        if len(data) <= STRIDE:
            self._last = (start, data)
        return data[offset - start : offset - start + n].ljust(n, b"\0")

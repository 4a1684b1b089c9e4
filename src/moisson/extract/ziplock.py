"""The two locks of ZIP: traditional encryption (APPNOTE.TXT 6.1) and WinZip's AES (AE-1, AE-2)."""

from __future__ import annotations

import hmac
from hashlib import pbkdf2_hmac
from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from moisson.errors import DamagedError, PasswordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def _crc_table() -> list[int]:
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0xEDB88320 if n & 1 else 0)
        table.append(n)
    return table


_CRC = _crc_table()


def spellings(keys: Sequence[str]) -> Iterator[bytes]:
    """The bytes a password may have been typed as."""
    seen: set[bytes] = set()
    for key in keys:
        for codec in ("utf-8", "cp1252", "cp850", "cp1256"):
            try:
                raw = key.encode(codec)
            except UnicodeError:
                continue
            if raw not in seen:
                seen.add(raw)
                yield raw


class Keyring:
    """The passwords for one archive: the one that opened last comes first, and after many trials no more are made."""

    def __init__(self, keys: Sequence[str], trials: int = 20_000) -> None:
        self._order, self._left, self._trials = list(spellings(keys)), trials, trials

    def each(self) -> Iterator[bytes]:
        """The passwords still to be tried."""
        for password in tuple(self._order):
            if self._left <= 0:
                return
            self._left -= 1
            yield password

    def renew(self) -> None:
        """Allow as many trials again."""
        self._left = self._trials

    def opened(self, password: bytes) -> None:
        """Remember what opened a member."""
        if password in self._order[1:]:
            self._order.remove(password)
            self._order.insert(0, password)


def _keys_of(password: bytes) -> tuple[int, int, int]:
    a, b, c = 0x12345678, 0x23456789, 0x34567890
    for byte in password:
        a = _CRC[(a ^ byte) & 255] ^ a >> 8
        b = ((b + (a & 255)) * 134775813 + 1) & 0xFFFFFFFF
        c = _CRC[(c ^ b >> 24) & 255] ^ c >> 8
    return a, b, c


def _decrypt(data: bytes, keys: tuple[int, int, int]) -> tuple[bytes, tuple[int, int, int]]:
    a, b, c = keys
    table, out = _CRC, bytearray(len(data))
    for i, byte in enumerate(data):
        k = c | 2
        byte ^= (k * (k ^ 1) >> 8) & 255
        out[i] = byte
        a = table[(a ^ byte) & 255] ^ a >> 8
        b = ((b + (a & 255)) * 134775813 + 1) & 0xFFFFFFFF
        c = table[(c ^ b >> 24) & 255] ^ c >> 8
    return bytes(out), (a, b, c)


def traditional_keys(header: bytes, check: int, ring: Keyring) -> Iterator[tuple[bytes, tuple[int, int, int]]]:
    """The passwords that the check byte does not rule out, each with the cipher's state behind the header."""
    for password in ring.each():
        plain, state = _decrypt(header, _keys_of(password))
        if plain[11:12] == bytes([check]):
            yield password, state


def traditional(chunks: Iterable[bytes], state: tuple[int, int, int]) -> Iterator[bytes]:
    """Undo the traditional encryption."""
    for chunk in chunks:
        for at in range(0, len(chunk), 1 << 16):
            plain, state = _decrypt(chunk[at : at + (1 << 16)], state)
            yield plain


def aes_keys(salt: bytes, check: bytes, strength: int, ring: Keyring) -> Iterator[tuple[bytes, tuple[bytes, bytes]]]:
    """The passwords that fit the two check bytes, each with the keys for cipher and authentication."""
    size = {1: 16, 2: 24, 3: 32}.get(strength)
    if size is None:
        raise DamagedError(f"no AES strength {strength}")
    for password in ring.each():
        derived = pbkdf2_hmac("sha1", password, salt, 1000, 2 * size + 2)
        if derived[-2:] == check:
            yield password, (derived[:size], derived[size : 2 * size])


def aes(chunks: Iterable[bytes], key: bytes, mac_key: bytes, mac: bytes) -> Iterator[bytes]:
    """Undo WinZip's counter mode, whose counter is little-endian; the authentication code is checked at the end."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    seal, counter, rest = hmac.new(mac_key, digestmod="sha1"), 1, b""
    for chunk in chunks:
        seal.update(chunk)
        need = max(0, -(-(len(chunk) - len(rest)) // 16))
        blocks = np.zeros((need, 2), "<u8")
        blocks[:, 0] = np.arange(counter, counter + need, dtype="<u8")
        rest, counter = rest + block.update(blocks.tobytes()), counter + need
        pad, rest = rest[: len(chunk)], rest[len(chunk) :]
        yield (np.frombuffer(chunk, "u1") ^ np.frombuffer(pad, "u1")).tobytes()
    if not hmac.compare_digest(seal.digest()[:10], mac):
        raise PasswordError("the authentication code does not fit: wrong password or damage")

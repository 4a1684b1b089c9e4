"""Binary Office files under a password: RC4 and RC4 of CryptoAPI ([MS-OFFCRYPTO] 2.3.5, 2.3.6), XOR told apart."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moisson.errors import PasswordError, UnsupportedError
from moisson.extract.ooxmlcrypt import DEFAULT_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def rc4(key: bytes, data: bytes) -> bytes:
    """RC4 (a stream cipher: the same to lock and to open)."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher

    return Cipher(ARC4(key), mode=None).decryptor().update(data)


@dataclass(frozen=True, slots=True)
class Locked:
    """An opened lock: `block_key` gives the key of each block."""

    block_key: Callable[[int], bytes]

    def open(self, data: bytes, block: int, first: int = 0) -> bytes:
        """Decrypt data that is keyed anew every `block` bytes, beginning with block number `first`."""
        return b"".join(
            rc4(self.block_key(first + i), data[at : at + block]) for i, at in enumerate(range(0, len(data), block))
        )


def unlock(header: bytes, keys: Iterable[str]) -> Locked:
    """Find the password for an encryption header; raises `PasswordError` if there is none among `keys`."""
    if len(header) < 52:
        raise UnsupportedError("an obfuscation that is no encryption")
    major, minor = struct.unpack_from("<HH", header)
    for key in dict.fromkeys((DEFAULT_PASSWORD, *keys)):
        found = _plain(header, key) if (major, minor) == (1, 1) else _crypto(header, key)
        if found:
            return found
    raise PasswordError("a password opens this document; none at hand does")


def _plain(header: bytes, password: str) -> Locked | None:
    salt, verifier, verifier_hash = header[4:20], header[20:36], header[36:52]
    first = _md5(password[:255].encode("utf-16-le"))[:5]
    base = _md5((first + salt) * 16)[:5]

    def block_key(block: int) -> bytes:
        return _md5(base + block.to_bytes(4, "little"))

    plain = rc4(block_key(0), verifier + verifier_hash)
    return Locked(block_key) if hmac.compare_digest(_md5(plain[:16]), plain[16:]) else None


def _crypto(header: bytes, password: str) -> Locked | None:
    (size,) = struct.unpack_from("<I", header, 8)
    algorithm, _, bits = struct.unpack_from("<III", header, 20)
    if algorithm != 0x6801:
        raise UnsupportedError(f"cipher {algorithm:#x}")
    at = 12 + size
    salt, verifier, verifier_hash = header[at + 4 : at + 20], header[at + 20 : at + 36], header[at + 40 : at + 60]
    base = _sha1(salt + password.encode("utf-16-le"))
    length = (bits or 40) // 8

    def block_key(block: int) -> bytes:
        key = _sha1(base + block.to_bytes(4, "little"))[:length]
        return key.ljust(16, b"\0") if length == 5 else key

    plain = rc4(block_key(0), verifier + verifier_hash)
    return Locked(block_key) if hmac.compare_digest(_sha1(plain[:16]), plain[16:36]) else None


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()

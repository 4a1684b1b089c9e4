"""OpenDocument under a password: each part packed, then encrypted (OpenDocument 1.3 part 2 §3.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from moisson.errors import DamagedError, PasswordError, UnsupportedError
from moisson.extract.markup import Sink, local

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ROUNDS = 2_000_000
MAX_PARTS = 20_000
_CHECKED = 1024
_PIECE = 1 << 16


@dataclass
class Lock:
    """How one part is encrypted, as the manifest says."""

    name: str
    size: int = 0
    checksum: bytes = b""
    digest: str = "sha1"
    start: str = "sha1"
    algorithm: str = ""
    iv: bytes = b""
    derivation: str = ""
    salt: bytes = b""
    rounds: int = 0
    length: int = 16


class Manifest(Sink):
    """The encrypted parts, by name without regard to case."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: dict[str, Lock] = {}
        self._entry = Lock("")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take one element."""
        found = {local(key): value for key, value in attributes.items()}
        match local(tag):
            case "file-entry":
                self._entry = Lock(found.get("full-path", ""), _number(found.get("size", "")))
            case "encryption-data" if len(self.locks) < MAX_PARTS:
                self.locks[self._entry.name.casefold()] = self._entry
                self._entry.checksum = _decoded(found.get("checksum", ""))
                self._entry.digest = "sha256" if "sha256" in found.get("checksum-type", "").lower() else "sha1"
            case "algorithm":
                self._entry.algorithm = found.get("algorithm-name", "").lower()
                self._entry.iv = _decoded(found.get("initialisation-vector", ""))
            case "key-derivation":
                self._entry.derivation = found.get("key-derivation-name", "").lower()
                self._entry.salt = _decoded(found.get("salt", ""))
                self._entry.rounds = _number(found.get("iteration-count", ""))
                self._entry.length = _number(found.get("key-size", "")) or 16
            case "start-key-generation":
                name = found.get("start-key-generation-name", "").lower()
                self._entry.start = "sha256" if "sha256" in name else "sha1"


class Ring:
    """The locks of a document and the password that opens them."""

    def __init__(self, locks: dict[str, Lock], password: str) -> None:
        self.locks, self.password = locks, password

    def open(self, name: str, data: bytes) -> bytes:
        """The plain bytes of a part, of no more than its declared size; raises `DamagedError`."""
        lock = self.locks[name.casefold()]
        packed = decrypt(lock, self.password, data)
        try:
            return zlib.decompressobj(-15).decompress(packed, max(1, lock.size))
        except zlib.error as why:
            raise DamagedError(f"the part {name} does not unpack: {why}") from why


def find_password(locks: dict[str, Lock], parts: Iterable[tuple[str, bytes]], keys: Sequence[str]) -> Ring:
    """The ring with the password that fits one of these encrypted parts; raises `PasswordError`."""
    for name, data in parts:
        lock = locks[name.casefold()]
        for password in keys:
            plain = decrypt(lock, password, data)
            checked = hashlib.new(lock.digest, plain[:_CHECKED], usedforsecurity=False).digest()
            if lock.checksum and checked == lock.checksum:
                return Ring(locks, password)
    raise PasswordError("a password opens this document")


def decrypt(lock: Lock, password: str, data: bytes) -> bytes:
    """A part still packed, its padding cut; nonsense under the wrong password."""
    if lock.derivation and not lock.derivation.endswith("pbkdf2"):
        raise UnsupportedError(f"key derivation {lock.derivation[:80]}")
    if not 0 < lock.rounds <= MAX_ROUNDS or lock.length not in (16, 24, 32) or not lock.salt:
        raise DamagedError("impossible values in the encryption of a part")
    first = hashlib.new(lock.start, password.encode("utf-8", "replace"), usedforsecurity=False).digest()
    key = hashlib.pbkdf2_hmac("sha1", first, lock.salt, lock.rounds, lock.length)
    try:
        if lock.algorithm.endswith("-cbc"):
            whole = data[: len(data) // 16 * 16]
            plain = _run(Cipher(algorithms.AES(key), modes.CBC(lock.iv)), whole)
            return plain[: -plain[-1]] if plain and 0 < plain[-1] <= 16 else plain
        if "blowfish" in lock.algorithm:
            return _run(Cipher(Blowfish(key), CFB(lock.iv)), data)
    except ValueError as why:
        raise DamagedError(f"impossible values in the encryption of a part: {why}") from why
    raise UnsupportedError(f"cipher {lock.algorithm[:80]}")


def _run(cipher: Cipher[modes.CBC | CFB], data: bytes) -> bytes:
    decryptor = cipher.decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""

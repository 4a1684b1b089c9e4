"""OpenDocument under a password: each part, or the package as one, packed and encrypted (OpenDocument 1.4 part 2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from moisson.errors import DamagedError, PasswordError, UnsupportedError
from moisson.evidence.derive import Kdf, derive
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
    passes: int = 0
    memory: int = 0
    lanes: int = 0

    @property
    def sealed(self) -> bool:
        """Whether the cipher itself tells a wrong password."""
        return self.algorithm.endswith("-gcm")


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
                self._entry.passes = _number(found.get("argon2-iterations", ""))
                self._entry.memory = _number(found.get("argon2-memory", ""))
                self._entry.lanes = _number(found.get("argon2-lanes", ""))
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
            try:
                plain = decrypt(lock, password, data)
            except PasswordError:
                continue
            if lock.sealed:
                return Ring(locks, password)
            checked = hashlib.new(lock.digest, plain[:_CHECKED], usedforsecurity=False).digest()
            if lock.checksum and checked == lock.checksum:
                return Ring(locks, password)
    raise PasswordError("a password opens this document")


def decrypt(lock: Lock, password: str, data: bytes) -> bytes:
    """A part still packed, its padding cut; nonsense under the wrong password, or `PasswordError`."""
    key = _key(lock, password)
    try:
        if lock.sealed:
            return AESGCM(key).decrypt(lock.iv, data.removeprefix(lock.iv), None)
        if lock.algorithm.endswith("-cbc"):
            whole = data[: len(data) // 16 * 16]
            plain = _run(Cipher(algorithms.AES(key), modes.CBC(lock.iv)), whole)
            return plain[: -plain[-1]] if plain and 0 < plain[-1] <= 16 else plain
        if "blowfish" in lock.algorithm:
            return _run(Cipher(Blowfish(key), CFB(lock.iv)), data)
    except InvalidTag as why:
        raise PasswordError("the password is another, or the part is damaged") from why
    except ValueError as why:
        raise DamagedError(f"impossible values in the encryption of a part: {why}") from why
    raise UnsupportedError(f"cipher {lock.algorithm[:80]}")


def _key(lock: Lock, password: str) -> bytes:
    if lock.length not in (16, 24, 32) or not lock.salt:
        raise DamagedError("impossible values in the encryption of a part")
    first = hashlib.new(lock.start, password.encode("utf-8", "replace"), usedforsecurity=False).digest()
    if lock.derivation.endswith("argon2id"):
        costs = Kdf("argon2id", lock.salt.hex(), time=lock.passes, memory=lock.memory, cpus=lock.lanes)
        return derive(costs, first, lock.length)
    if lock.derivation and not lock.derivation.endswith("pbkdf2"):
        raise UnsupportedError(f"key derivation {lock.derivation[:80]}")
    if not 0 < lock.rounds <= MAX_ROUNDS:
        raise DamagedError("impossible values in the encryption of a part")
    return hashlib.pbkdf2_hmac("sha1", first, lock.salt, lock.rounds, lock.length)


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

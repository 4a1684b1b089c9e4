"""The coders of 7z, put one behind the other: LZMA, LZMA2, branch filters, DEFLATE, bzip2, copy, AES-256."""

from __future__ import annotations

import lzma
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from moisson.errors import DamagedError, UnsupportedError
from moisson.extract import inflate
from moisson.extract.sevenheader import AES, Coder, Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BRANCH = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x04": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x06": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x07": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
    b"\x09": lzma.FILTER_SPARC,
}
_LZMA1, _LZMA2, _DELTA = b"\x03\x01\x01", b"\x21", b"\x03"
_COPY, _DEFLATE, _BZIP2, _ZSTD = b"\x00", b"\x04\x01\x08", b"\x04\x02\x02", b"\x04\xf7\x11\x01"
_MAX_ROUNDS = 24


def lzma1(properties: bytes) -> dict[str, Any]:
    """The filter of the five bytes that describe LZMA1."""
    if len(properties) < 5 or properties[0] >= 225:
        raise DamagedError("LZMA properties")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    size = max(4096, int.from_bytes(properties[1:5], "little"))
    return {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}


def pipeline(folder: Folder, packed: Callable[[int, int], Iterator[bytes]], key: str) -> Iterator[bytes]:
    """The folder's decoded stream; `packed` gives the bytes at an offset of the archive."""
    if any(c.inputs != 1 or c.outputs != 1 for c in folder.coders) or len(folder.packed) != 1:
        raise UnsupportedError("a 7z coder with several streams (BCJ2)")
    order = _order(folder)
    stream = packed(*folder.packed[0])
    index = 0
    while index < len(order):
        coder, size = folder.coders[order[index]], folder.sizes[order[index]]
        if coder.method == AES:
            stream = _decrypt(stream, coder.properties, key, size)
        elif coder.method == _COPY:
            pass
        elif coder.method == _DEFLATE:
            stream = inflate.deflate(stream)
        elif coder.method == _BZIP2:
            stream = inflate.bzip2(stream)
        elif coder.method == _ZSTD:
            stream = inflate.zstd(stream)
        else:
            filters, used = _filters(folder, order[index:])
            stream = inflate.raw_lzma(stream, filters, folder.sizes[order[index + used - 1]])
            index += used - 1
        index += 1
    return stream


def _order(folder: Folder) -> list[int]:
    """Coder numbers from the packed bytes to the plain ones."""
    following = {out: into for into, out in folder.bonds}
    order = [folder.packed_inputs[0] if folder.packed_inputs else 0]
    while order[-1] in following:
        order.append(following[order[-1]])
        if len(order) > len(folder.coders):
            raise DamagedError("7z coders in a circle")
    if order[-1] >= len(folder.coders) or len(folder.sizes) < len(folder.coders):
        raise DamagedError("7z coders that are not there")
    return order


def _filters(folder: Folder, order: list[int]) -> tuple[list[dict[str, Any]], int]:
    """LZMA with the branch filters behind it: liblzma runs them together, the last one first in its list."""
    first = folder.coders[order[0]]
    if first.method == _LZMA1:
        chain = [lzma1(first.properties)]
    elif first.method == _LZMA2:
        chain = [{"id": lzma.FILTER_LZMA2, "dict_size": _lzma2_size(first.properties)}]
    else:
        raise UnsupportedError(f"7z method {first.method.hex()}")
    used = 1
    for number in order[1:4]:
        found = _branch(folder.coders[number])
        if found is None or (first.method == _LZMA1 and found["id"] == lzma.FILTER_X86):
            break
        chain.insert(0, found)
        used += 1
    if used < len(order) and _branch(folder.coders[order[used]]):
        raise UnsupportedError("LZMA1 with a branch filter")
    return chain, used


def _lzma2_size(properties: bytes) -> int:
    bits = properties[0] if properties else 0
    return min(0xFFFFFFFF, (2 | bits & 1) << (bits // 2 + 11)) if bits < 40 else 0xFFFFFFFF


def _branch(coder: Coder) -> dict[str, Any] | None:
    if coder.method == _DELTA:
        return {"id": lzma.FILTER_DELTA, "dist": (coder.properties[0] if coder.properties else 0) + 1}
    return {"id": _BRANCH[coder.method]} if coder.method in _BRANCH else None


@lru_cache(maxsize=4096)
def _derive(key: str, salt: bytes, rounds: int) -> bytes:
    """SHA-256 over salt, password and counter, 2^rounds times."""
    word = salt + key.encode("utf-16-le", "surrogatepass")
    if rounds == 0x3F:
        return (word + bytes(32))[:32]
    digest, block = sha256(), 1 << min(rounds, 10)
    for start in range(0, 1 << rounds, block):
        digest.update(b"".join(word + n.to_bytes(8, "little") for n in range(start, start + block)))
    return digest.digest()


def _decrypt(stream: Iterator[bytes], properties: bytes, key: str, size: int) -> Iterator[bytes]:
    if not properties:
        raise DamagedError("7z encryption without properties")
    first, salt, vector = properties[0], b"", b""
    rounds = first & 0x3F
    if first & 0xC0 and len(properties) > 1:
        n = (first >> 7 & 1) + (properties[1] >> 4)
        m = (first >> 6 & 1) + (properties[1] & 15)
        salt, vector = properties[2 : 2 + n], properties[2 + n : 2 + n + m]
    if rounds > _MAX_ROUNDS and rounds != 0x3F:
        raise UnsupportedError(f"2^{rounds} rounds of key derivation")
    secret = _derive(key, salt, rounds)
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(vector.ljust(16, b"\0")[:16])).decryptor()
    for chunk in stream:
        out = decryptor.update(chunk)[:size]
        size -= len(out)
        yield out

"""PowerPoint 97 to 2003: a walk over the records ([MS-PPT] 2.3)."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING

from moisson.address import named
from moisson.errors import DamagedError, LimitError, UnsupportedError
from moisson.extract import oldcrypt
from moisson.model import Flag, Passage
from moisson.reader import Child, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.extract.compound import Compound

MAX_DEPTH = 40
MAX_OBJECT = 64 << 20
MAX_EDITS = 10_000
_SESSION = 0x2F14
_CHARS, _BYTES, _STRING, _OLE_ATOM = 0x0FA0, 0x0FA8, 0x0FBA, 0x1011
_MASTER, _HANDOUT = 0x03F8, 0x0FC9
_CLEAN = str.maketrans({"\r": "\n", "\x0b": "\n", "\0": None, "\x01": None})
_PICTURES = {0xF01A: "emf", 0xF01B: "wmf", 0xF01C: "pict", 0xF01D: "jpeg", 0xF01E: "png", 0xF01F: "dib", 0xF029: "tiff"}
_PACKED = ("emf", "wmf", "pict")


def read_slides(file: Compound, keys: Sequence[str]) -> Iterator[Passage | Flag]:
    """Texts in the order of the stream: slides, notes, comments, links."""
    stream, locked = _stream(file, keys)
    if locked:
        yield Flag("encrypted")
    seen: set[str] = set()
    for kind, raw in _texts(stream):
        text = raw.decode("latin-1" if kind == _BYTES else "utf-16-le", "replace").translate(_CLEAN).strip()
        if text and not text.startswith("___PPT") and text != "*" and (kind != _STRING or text not in seen):
            seen.add(text)
            yield Passage(text + "\n")


def _stream(file: Compound, keys: Sequence[str]) -> tuple[bytes, bool]:
    """The stream of all records, opened if it is locked, and whether it was."""
    stream, current = file.read("PowerPoint Document"), file.read("Current User", 1 << 16)
    if not stream:
        raise DamagedError("no stream PowerPoint Document")
    if current[12:16] == b"\xdf\xc4\xd1\xf3" or any("encryptedsummary" in p.casefold() for p in file.paths):
        return unlock(stream, current, keys), True
    return stream, False


def unlock(stream: bytes, current: bytes, keys: Sequence[str]) -> bytes:
    """The stream with its persisted objects decrypted, each under the key of its number (2.3.7)."""
    places: dict[int, int] = {}
    session, edit, seen = 0, int(struct.unpack_from("<I", current, 16)[0]), set[int]()
    while edit not in seen and len(seen) < MAX_EDITS:
        seen.add(edit)
        size, before, directory = struct.unpack_from("<4xI8xII", stream, edit)
        if size >= 32 and not session:
            session = int(struct.unpack_from("<I", stream, edit + 36)[0])
        for number, place in _directory(stream, directory):
            places.setdefault(number, place)
        edit = before or edit
    at = places.pop(session, -1)
    if at < 0 or struct.unpack_from("<H", stream, at + 2)[0] != _SESSION:
        raise UnsupportedError("a locked presentation that does not say how")
    header = stream[at + 8 : at + 8 + struct.unpack_from("<I", stream, at + 4)[0]]
    lock, out, total = oldcrypt.unlock(header, keys), bytearray(stream), 0
    for number, place in places.items():
        size = struct.unpack_from("<I", lock.open(stream[place : place + 8], 8, number), 4)[0]
        piece = stream[place : place + 8 + min(size, len(stream))]
        if (total := total + len(piece)) > 4 * len(stream):
            raise DamagedError("the objects of the presentation overlap")
        out[place : place + len(piece)] = lock.open(piece, len(piece) or 1, number)
    return bytes(out)


def _directory(stream: bytes, at: int) -> Iterator[tuple[int, int]]:
    """The places of persisted objects by number (2.3.4)."""
    (size,) = struct.unpack_from("<I", stream, at + 4)
    end, at = min(at + 8 + size, len(stream) - 4), at + 8
    while at < end:
        (first,) = struct.unpack_from("<I", stream, at)
        count = min(first >> 20, (end - at) // 4)
        for i in range(count):
            yield (first & 0xFFFFF) + i, int(struct.unpack_from("<I", stream, at + 4 + 4 * i)[0])
        at += 4 + 4 * count


def _texts(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The atoms of text outside masters."""
    for kind, start, size in walk(stream, skip=(_MASTER, _HANDOUT)):
        if kind in (_CHARS, _BYTES, _STRING):
            yield kind, stream[start : start + size]


def walk(stream: bytes, skip: tuple[int, ...] = ()) -> Iterator[tuple[int, int, int]]:
    """Every atom: type, place and size of its content; containers are entered, except those to skip."""
    ends = [len(stream)]
    at = 0
    while ends:
        if at + 8 > ends[-1]:
            at = max(at, ends.pop()) if len(ends) > 1 else len(stream)
            if len(ends) == 1 and at >= len(stream):
                return
            continue
        version, kind, size = struct.unpack_from("<HHI", stream, at)
        start = at + 8
        if version & 0xF == 0xF and kind not in skip and len(ends) < MAX_DEPTH:
            ends.append(min(start + size, ends[-1]))
            at = start
            continue
        size = min(size, ends[-1] - start)
        yield kind, start, size
        at = start + size


def children(file: Compound, keys: Sequence[str] = ()) -> Iterator[Child]:
    """Pictures ([MS-ODRAW] 2.2.23) and objects, the packed ones unpacked; of a locked presentation the objects."""
    pictures = file.read("Pictures")
    at, number = 0, 0
    while at + 8 <= len(pictures) and number < 10_000:
        version, kind, size = struct.unpack_from("<HHI", pictures, at)
        if kind in _PICTURES and size > 17:
            number += 1
            content = _picture(pictures[at + 8 : at + 8 + size], version >> 4, _PICTURES[kind])
            name = f"picture{number}.{_PICTURES[kind]}"
            yield Child(name, named("ole", f"Pictures/{number}"), partial(Reader.of, content), len(content), "embedded")
        at += 8 + size
    yield from _objects(_stream(file, keys)[0])


def _picture(raw: bytes, instance: int, kind: str) -> bytes:
    """The bytes of a picture behind its identifiers: an odd instance has two of them."""
    double = instance & 1
    if kind not in _PACKED:
        return raw[17 + 16 * double :]
    start = 16 + 16 * double + 34
    try:
        return zlib.decompressobj().decompress(raw[start:], MAX_OBJECT)
    except zlib.error:
        return raw[start:]


def _objects(stream: bytes) -> Iterator[Child]:
    number = 0
    for kind, start, size in walk(stream):
        if kind == _OLE_ATOM and size > 4 and number < 2000:
            number += 1
            packed = struct.unpack_from("<H", stream, start - 8)[0] >> 4 == 1
            content = partial(_open, stream[start : start + size], packed=packed)
            yield Child(f"object{number}.ole", named("ole", f"object/{number}"), content, None, "embedded")


def _open(raw: bytes, *, packed: bool) -> Reader:
    if not packed:
        return Reader.of(raw)
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(raw[4:], MAX_OBJECT)
    except zlib.error as why:
        raise DamagedError(f"object: {why}") from why
    if decoder.unconsumed_tail:
        raise LimitError(f"object unpacks to more than {MAX_OBJECT} bytes")
    return Reader.of(content)

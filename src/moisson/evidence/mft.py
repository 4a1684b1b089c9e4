"""Records of the NTFS master file table: their names and attributes, from their bytes alone.

Layout after the Linux-NTFS project's documentation ("FILE record", "Attributes", "Data runs").
"""

from __future__ import annotations

import struct
from codecs import utf_16_le_decode
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, cast

from moisson.errors import DamagedError
from moisson.times import Instant, from_filetime

if TYPE_CHECKING:
    from collections.abc import Callable

Run = tuple[int | None, int]
INFORMATION, LIST, NAME, DATA, INDEX_ROOT, REPARSE = 0x10, 0x20, 0x30, 0x80, 0x90, 0xC0
COMPRESSED, ENCRYPTED, SPARSE = 0x0001, 0x4000, 0x8000
NUMBER, SEQUENCE = (1 << 48) - 1, 48
_HEADER = struct.Struct("<4s12xH2xHHI4xQ")
_ATTRIBUTE = struct.Struct("<IIBBHHHIH")
_EXTENT = struct.Struct("<Q8xH14xQQ")
_SEQUENCE = struct.Struct("<HH")
_FILE_NAME = struct.Struct("<Q56xBB")
_LISTED = struct.Struct("<IHBBQQH")
_FILETIMES = struct.Struct("<QQQQ")
_NEVER = (None,) * 4
_WOF = 0x80000017
_DOS = 2
_FAR = 1 << 52
_STRIDE = 512
_END = 0xFFFFFFFF
VOLUME_NAME = 0x60
_WANTED = frozenset((INFORMATION, LIST, NAME, VOLUME_NAME, DATA, INDEX_ROOT, REPARSE))
_NOWHERE: list[Run] = []
MOST_ATTRIBUTES = 512
MOST_RUNS = 1 << 20


class Attribute(NamedTuple):
    """One attribute, or one piece of it; `data` are its bytes when it is resident, `runs` (cluster, count) when not.

    `real` is its size, `valid` how much of it was ever written, `first` the number of its first cluster within it.
    """

    type: int
    id: int
    name: str
    flags: int
    real: int
    valid: int
    first: int
    data: bytes | None
    runs: list[Run]


# Making one by its class costs twice as much, and an MFT has millions.
_new = cast("Callable[[tuple[object, ...]], Attribute]", partial(tuple.__new__, Attribute))
_number = int.from_bytes


class Name(NamedTuple):
    """One name of a file, and the directory it stands in."""

    parent: int
    sequence: int
    name: str


class Record(NamedTuple):
    """A decoded record of the table."""

    number: int
    sequence: int
    live: bool
    directory: bool
    base: int
    attributes: list[Attribute]

    def first(self, kind: int) -> Attribute | None:
        """The first attribute of a type."""
        for attribute in self.attributes:
            if attribute.type == kind:
                return attribute
        return None

    def names(self) -> list[Name]:
        """Every name but the short ones made for DOS; those when there is no other."""
        long: list[Name] = []
        short: list[Name] = []
        for attribute in self.attributes:
            if attribute.type != NAME or (data := attribute.data) is None or len(data) < 66:
                continue
            parent, length, space = _FILE_NAME.unpack_from(data)
            text = _utf16(data[66 : 66 + 2 * length])
            if text and text != ".":
                (short if space == _DOS else long).append(Name(parent & NUMBER, parent >> SEQUENCE, text))
        if len(long) == 1:
            return long
        return list(dict.fromkeys(long)) or short[:1]

    def times(self) -> tuple[Instant | None, ...]:
        """Creation, modification, change of the record, access."""
        found = self.first(INFORMATION)
        return _instants(found.data[:32].ljust(32, b"\0")) if found and found.data else _NEVER

    @property
    def is_wof(self) -> bool:
        """Whether Windows keeps the content packed in a stream beside it (WOF, "CompactOS")."""
        found = self.first(REPARSE)
        return bool(found and found.data and int.from_bytes(found.data[:4], "little") == _WOF)


@lru_cache(1 << 12)
def _instants(raw: bytes) -> tuple[Instant | None, ...]:
    created, modified, changed, accessed = _FILETIMES.unpack(raw)
    first = from_filetime(created)
    return (
        first,
        first if modified == created else from_filetime(modified),
        first if changed == created else from_filetime(changed),
        first if accessed == created else from_filetime(accessed),
    )


class Head(NamedTuple):
    """What the first bytes of a record say; `extends` another one, which may be number 0."""

    sequence: int
    live: bool
    directory: bool
    base: int
    start: int
    used: int
    extends: bool


def head(raw: bytes | memoryview) -> Head | None:
    """The header of a record, or None where none was ever written."""
    signature, sequence, start, flags, used, base = _HEADER.unpack_from(raw)
    if signature != b"FILE":
        return None
    return Head(sequence, flags & 1 == 1, flags & 2 == 2, base & NUMBER, start, used, base != 0)


def restore(raw: bytes | memoryview) -> bytes:
    """The record with the ends of its sectors put back; raises `DamagedError` when it was torn."""
    record = bytearray(raw)
    at, count = _SEQUENCE.unpack_from(record, 4)
    if at < 40 or at + 2 * count > len(record) or not 1 <= count <= len(record) // _STRIDE + 1:
        raise DamagedError("its update sequence is out of bounds")
    end = (count - 1) * _STRIDE
    for half in (0, 1):
        last = slice(_STRIDE - 2 + half, end, _STRIDE)
        if record[last] != record[at + half : at + half + 1] * (count - 1):
            raise DamagedError("its sectors were not all written together")
        record[last] = record[at + 2 + half : at + 2 * count : 2]
    return bytes(record)


def decode(raw: bytes | memoryview, number: int, header: Head | None = None) -> Record | None:
    """A record of the table, or None where none was ever written; raises `DamagedError`."""
    header = header or head(raw)
    if header is None:
        return None
    record = restore(raw)
    attributes = _attributes(record, header.start, min(header.used, len(record)))
    return Record(number, header.sequence, header.live, header.directory, header.base, attributes)


def _attributes(record: bytes, at: int, end: int) -> list[Attribute]:
    found: list[Attribute] = []
    while at + 24 <= end and len(found) < MOST_ATTRIBUTES:
        kind, size, far, letters, where, flags, identifier, real, start = _ATTRIBUTE.unpack_from(record, at)
        if kind == _END:
            break
        if size < 24 or at + size > end:
            raise DamagedError(f"attribute {kind:#x} leaves its record")
        if far:
            if size < 64:
                raise DamagedError(f"attribute {kind:#x} is too short")
            first, start, real, valid = _EXTENT.unpack_from(record, at + 16)
            name = _utf16(record[at + where : at + min(where + 2 * letters, size)]) if letters else ""
            runs = decode_runs(record, at + start, at + size)
            found.append(_new((kind, identifier, name, flags, real, valid, first, None, runs)))
        elif kind in _WANTED:
            if start + real > size:
                raise DamagedError(f"attribute {kind:#x} is longer than its place")
            name = _utf16(record[at + where : at + min(where + 2 * letters, size)]) if letters else ""
            data = record[at + start : at + start + real]
            found.append(_new((kind, identifier, name, flags, real, real, 0, data, _NOWHERE)))
        at += size
    return found


def decode_runs(raw: bytes, at: int = 0, end: int | None = None) -> list[Run]:
    """Mapping pairs: (cluster or None for a hole, count); raises `DamagedError`."""
    runs: list[Run] = []
    end, cluster = len(raw) if end is None else end, 0
    while at < end and (head := raw[at]):
        low, high = head & 15, head >> 4
        middle = at + 1 + low
        if not 1 <= low <= 8 or high > 8 or middle + high > end:
            raise DamagedError("its data runs are out of bounds")
        count = _number(raw[at + 1 : middle], "little")
        if not 0 < count < _FAR:
            raise DamagedError("a data run of no or absurd length")
        at = middle + high
        if high:
            cluster += _number(raw[middle:at], "little", signed=True)
            if not 0 <= cluster < _FAR:
                raise DamagedError("a data run outside of any volume")
        runs.append((cluster if high else None, count))
    return runs


def join(pieces: list[Attribute]) -> Attribute:
    """One attribute from the pieces that several records hold of it; a piece that is missing becomes a hole."""
    if len(pieces) == 1 and (pieces[0].data is not None or not pieces[0].first):
        return pieces[0]
    pieces.sort(key=lambda piece: piece.first)
    runs: list[Run] = []
    at = 0
    for piece in pieces:
        if piece.first > at:
            runs.append((None, piece.first - at))
        elif piece.first < at:
            continue
        runs += piece.runs
        at = piece.first + sum(count for _, count in piece.runs)
        if len(runs) > MOST_RUNS:
            break
    return pieces[0]._replace(runs=runs)


def gather(attributes: list[Attribute]) -> list[Attribute]:
    """The attributes of several records as those of one: pieces joined, and no number of a stream given twice."""
    whole: dict[tuple[int, str, int], list[Attribute]] = {}
    for place, attribute in enumerate(attributes):
        key = (attribute.type, attribute.name, place if attribute.data is not None else -1)
        whole.setdefault(key, []).append(attribute)
    found: list[Attribute] = []
    taken: set[int] = set()
    for attribute in map(join, whole.values()):
        if attribute.type == DATA and attribute.id in taken:
            attribute = attribute._replace(id=max(taken) + 1)
        if attribute.type == DATA:
            taken.add(attribute.id)
        found.append(attribute)
    return found


def listed(data: bytes) -> set[int]:
    """The records that an attribute list names."""
    found: set[int] = set()
    at = 0
    while at + 26 <= len(data) and len(found) < 1 << 16:
        _, length, _, _, _, record, _ = _LISTED.unpack_from(data, at)
        found.add(record & NUMBER)
        if length < 26:
            break
        at += length
    return found


def _utf16(raw: bytes) -> str:
    return utf_16_le_decode(raw[:-1] if len(raw) & 1 else raw, "surrogatepass")[0]

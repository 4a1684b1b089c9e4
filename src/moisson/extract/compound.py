"""Compound files ([MS-CFB]): their streams, their properties ([MS-OLEPS]) and the objects packed in them."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import olefile

from moisson.address import named
from moisson.errors import DamagedError, LimitError
from moisson.extract.charset import codec
from moisson.extract.encoding import decode
from moisson.model import Fact
from moisson.reader import Child, Reader
from moisson.times import from_filetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MAX_STREAM = 128 << 20
MAX_FILE = 512 << 20
_BROKEN = (OSError, struct.error, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError,
           RecursionError, AssertionError)  # fmt: skip
_NAMES = {
    2: "title", 3: "subject", 4: "author", 5: "keywords", 6: "comments", 7: "template", 8: "last_author", 9: "revision",
    11: "printed", 12: "created", 13: "modified", 18: "application",
}  # fmt: skip
_DOCUMENT_NAMES = {2: "category", 14: "manager", 15: "company", 26: "content_type", 27: "status"}
_MAX_PROPERTIES = 500


class Compound:
    """The streams of a compound file, by their paths."""

    def __init__(self, data: Reader) -> None:
        if data.size > MAX_FILE:
            raise LimitError(f"compound file of {data.size} bytes")
        try:
            self.ole: Any = olefile.OleFileIO(data.file())
            self.paths: list[str] = ["/".join(path) for path in self.ole.listdir()]
        except _BROKEN as why:
            raise DamagedError(f"no compound file: {why}") from why

    def __enter__(self) -> Compound:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.ole.close()

    def __contains__(self, path: str) -> bool:
        return path.casefold() in map(str.casefold, self.paths)

    def read(self, path: str, limit: int = MAX_STREAM) -> bytes:
        """A whole stream; empty if there is none."""
        if path not in self:
            return b""
        try:
            if self.ole.get_size(path) > limit:
                raise LimitError(f"stream {path} of {self.ole.get_size(path)} bytes")
            content: bytes = self.ole.openstream(path).read(limit)
        except _BROKEN as why:
            raise DamagedError(f"stream {path}: {why}") from why
        return content

    def facts(self) -> Iterator[Fact]:
        """The summary properties as `office.author`, `office.created` …"""
        for path, names in (("\x05SummaryInformation", _NAMES), ("\x05DocumentSummaryInformation", _DOCUMENT_NAMES)):
            try:
                yield from properties(self.read(path, 4 << 20), names)
            except (DamagedError, LimitError):
                continue


def properties(raw: bytes, names: dict[int, str]) -> Iterator[Fact]:
    """The named properties of the sections of a property set ([MS-OLEPS] 2.21)."""
    try:
        (sections,) = struct.unpack_from("<I", raw, 24)
        for i in range(min(sections, 2)):
            (start,) = struct.unpack_from("<I", raw, 28 + i * 20 + 16)
            yield from _section(raw, start, names, custom=i == 1)
    except struct.error:
        return


def _section(raw: bytes, start: int, names: dict[int, str], *, custom: bool) -> Iterator[Fact]:
    _, count = struct.unpack_from("<II", raw, start)
    places = dict(struct.iter_unpack("<II", raw[start + 8 : start + 8 + 8 * min(count, _MAX_PROPERTIES)]))
    page = struct.unpack_from("<h", raw, start + places[1] + 4)[0] & 0xFFFF if 1 in places else 1252
    charset = "utf-8" if page == 65001 else "utf-16-le" if page == 1200 else codec(f"cp{page}") or "cp1252"
    own = _dictionary(raw, start + places[0], charset) if custom and 0 in places else {}
    for key, at in places.items():
        name = f"custom.{own[key]}" if key in own else names.get(key, "") if not custom else ""
        if name and (value := _value(raw, start + at, charset)):
            yield Fact(f"office.{name}", value)


def _dictionary(raw: bytes, at: int, charset: str) -> dict[int, str]:
    (count,) = struct.unpack_from("<I", raw, at)
    at, found = at + 4, {}
    for _ in range(min(count, _MAX_PROPERTIES)):
        key, size = struct.unpack_from("<II", raw, at)
        size *= 2 if charset == "utf-16-le" else 1
        found[key] = raw[at + 8 : at + 8 + min(size, 1024)].decode(charset, "replace").rstrip("\0")
        at += 8 + (size + 3 & ~3 if charset == "utf-16-le" else size)
    return found


def _value(raw: bytes, at: int, charset: str) -> str | int:
    kind, size = struct.unpack_from("<HxxI", raw, at)
    if kind in (0x1E, 0x08):
        return raw[at + 8 : at + 8 + min(size, 8192)].decode(charset, "replace").rstrip("\0").strip()
    if kind == 0x1F:
        return raw[at + 8 : at + 8 + min(2 * size, 8192)].decode("utf-16-le", "replace").rstrip("\0").strip()
    if kind == 0x40:
        instant = from_filetime(struct.unpack_from("<Q", raw, at + 4)[0])
        return str(instant) if instant and instant.ns > 0 else ""
    if kind in (3, 2):
        return int(struct.unpack_from("<i" if kind == 3 else "<h", raw, at + 4)[0])
    return ""


def native(raw: bytes) -> tuple[str, bytes] | None:
    """Name and bytes of a packaged file (`Ole10Native`), or None if the stream is something else."""
    try:
        (total,) = struct.unpack_from("<I", raw)
        if struct.unpack_from("<H", raw, 4)[0] != 2:
            return None
        at, strings = 6, []
        for _ in range(2):
            end = raw.index(b"\0", at)
            strings.append(raw[at:end])
            at = end + 1
        at += 4
        (length,) = struct.unpack_from("<I", raw, at)
        at += 4 + length
        (size,) = struct.unpack_from("<I", raw, at)
    except (struct.error, ValueError):
        return None
    if size > total or at + 4 + size > len(raw) + 4:
        return None
    name = decode(strings[0] or strings[1])[0].replace("\\", "/").rpartition("/")[2]
    return name or "package", raw[at + 4 : at + 4 + size]


def embedded(file: Compound, folders: tuple[str, ...]) -> Iterator[Child]:
    """What stands in the folders of objects: packaged files, documents of Office, everything else as its own stream."""
    seen: set[str] = set()
    for path in file.paths:
        parts = path.split("/")
        if len(parts) < 2 or parts[0] not in folders:
            continue
        base = "/".join(parts[:2]) if len(parts) > 2 else ""
        if parts[-1].casefold() == "\x01ole10native" and (packed := native(file.read(path))):
            yield Child(packed[0], named("ole", path), partial(Reader.of, packed[1]), len(packed[1]), "embedded")
        elif parts[-1].casefold() in ("package", "contents") and base not in seen:
            seen.add(base)
            content, name = file.read(path), f"{parts[-2]}-{parts[-1]}"
            yield Child(name, named("ole", path), partial(Reader.of, content), len(content), "embedded")

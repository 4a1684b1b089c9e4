"""Opening the delivered files of one exhibit as one medium, whatever contains it.

Only open descriptors and media come in; no path is ever opened. The container is told by its content, never by the
name; names only put split parts in order and find the extents and parents that a container asks for.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence.ewf import Ewf
from moisson.evidence.ewfsection import LOGICAL, SECOND, SIGNATURE
from moisson.evidence.faults import Faults
from moisson.evidence.qcow import MAGIC as QCOW
from moisson.evidence.qcow import Qcow, read_header
from moisson.evidence.virtual import base, open_dmg, open_vhd, open_vmdk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.reader import Medium

Part = tuple[str, "Medium"]
CHAIN = 32
PARTS = 100_000
_NOTES = re.compile(r"\.(txt|log|csv|md5|sha1|sha256|info|xml|pdf|html?)$", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*\.)(\d{2,4}|[a-z]{2,3})", re.DOTALL)
_SEGMENT = re.compile(rb"# *Disk DescriptorFile", re.IGNORECASE)


class _Source(Protocol):
    size: int
    present: int
    faults: Faults
    marks: set[str]

    def pread(self, offset: int, n: int) -> bytes: ...


class Descriptor:
    """A file or block device behind an open read-only descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        try:
            self.size = self.present = os.fstat(fd).st_size or os.lseek(fd, 0, os.SEEK_END)
        except OSError as error:
            raise DamagedError(f"the medium has no size: {error.strerror}") from error

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        try:
            data = os.pread(self._fd, n, offset)
            while len(data) < n and (more := os.pread(self._fd, n - len(data), offset + len(data))):
                data += more
        except OSError as error:
            raise DamagedError(f"the medium gives no data at {offset}: {error.strerror}") from error
        return data.ljust(n, b"\0")


class Joined:
    """Media one after the other; None stands for a part that is missing, of the size of the first."""

    def __init__(self, media: Sequence[Medium | None]) -> None:
        step = next((m.size for m in media if m is not None), 0)
        self._media = media
        self._starts = [0]
        self.faults, self.marks = Faults(), set[str]()
        for medium in media:
            at, size = self._starts[-1], step if medium is None else medium.size
            if medium is None:
                self.marks.add("missing-segment")
                self.faults.add(at, size, "part missing")
            elif medium.present < size:
                self.marks.add("truncated")
                self.faults.add(at + medium.present, size - medium.present, "part truncated")
            self._starts.append(at + size)
        self.size = self.present = self._starts[-1]
        if media and (last := media[-1]) is not None:
            self.present = self._starts[-2] + last.present

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        pieces = []
        index = bisect_right(self._starts, offset) - 1
        while n > 0:
            medium, inside = self._media[index], offset - self._starts[index]
            take = min(n, self._starts[index + 1] - offset)
            pieces.append(bytes(take) if medium is None else medium.pread(inside, take).ljust(take, b"\0"))
            offset, n, index = offset + take, n - take, index + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Image:
    """The medium inside the delivered files.

    `stored` are the digests of the medium that the container itself holds (md5, sha1), `about` what else its header
    says. `flags` may grow as more is read: truncated, missing-segment, chunk-errors, table-errors, header-errors,
    read-errors, backing-missing, snapshots.
    """

    def __init__(
        self, kind: str, source: _Source, stored: dict[str, str] | None = None, about: dict[str, str] | None = None
    ) -> None:
        self.kind, self.stored, self.about = kind, stored or {}, about or {}
        self._source = source
        self.size, self.present = source.size, source.present

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes of the medium; what the container cannot give reads as zeros and is then listed by `errors`."""
        return self._source.pread(offset, n)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(sorted(self._source.marks))

    def errors(self) -> list[tuple[int, int, str]]:
        """Offset, length and reason of each stretch that was given as zeros so far."""
        return self._source.faults.list()


def open_image(parts: Sequence[Part]) -> Image:
    """Open the delivered files of an exhibit, in order; raises `DamagedError` or `UnsupportedError`."""
    parts = list(parts[:PARTS])
    if len(parts) > 1:
        parts = [part for part in parts if not _NOTES.search(part[0])] or parts
    if not parts:
        raise DamagedError("no files")
    kinds = [_sniff(medium) for _, medium in parts]
    for kind, opener in (("ewf", _ewf), ("qcow2", _qcow), ("vmdk", _vmdk), ("vhdx", _vhd), ("vhd", _vhd)):
        if kind in kinds and (kind == kinds[0] or kind in ("vmdk", "vhd") or not _numbered(parts)):
            return opener(parts, kinds)
    if kinds[0] == "dmg" and len(parts) == 1:
        return Image("dmg", open_dmg(parts[0]))
    if kinds[0] == "vdi":
        raise UnsupportedError("VirtualBox disks (VDI) are not read here: convert it with qemu-img")
    return _raw(parts)


def _sniff(medium: Medium) -> str:
    head = medium.pread(0, 1024)
    if head[:8] in (SIGNATURE, SECOND, LOGICAL):
        return "ewf"
    if head[:4] == QCOW:
        return "qcow2"
    if head[:4] in (b"KDMV", b"COWD") or _SEGMENT.match(head.lstrip(b"\xef\xbb\xbf\r\n \t")):
        return "vmdk"
    if head[:8] == b"vhdxfile":
        return "vhdx"
    if head[0x40:0x44] == b"\x7f\x10\xda\xbe":
        return "vdi"
    if head[:8] == b"conectix":
        return "vhd"
    tail = medium.pread(medium.size - 512, 512) if medium.size > 1024 else b""
    if tail[:8] == b"conectix" and tail[8:12] == b"\0\0\0\2":
        return "vhd"
    return "dmg" if tail[:4] == b"koly" and tail[4:12] == b"\0\0\0\4\0\0\2\0" else "raw"


def _ewf(parts: list[Part], kinds: list[str]) -> Image:
    ewf = Ewf([medium for (_, medium), kind in zip(parts, kinds, strict=True) if kind == "ewf"])
    return Image("e01", ewf, ewf.stored, ewf.about)


def _qcow(parts: list[Part], kinds: list[str]) -> Image:
    own = [part for part, kind in zip(parts, kinds, strict=True) if kind == "qcow2"]
    below = {base(read_header(medium).backing) for _, medium in own}
    top = next((part for part in own if base(part[0]) not in below), own[0])
    return Image("qcow2", _chain(parts, top, 0))


def _chain(parts: list[Part], part: Part, depth: int) -> Qcow:
    if depth >= CHAIN:
        raise DamagedError("too many QCOW images upon each other")
    name = read_header(part[1]).backing
    found = next((p for p in parts if name and p is not part and base(p[0]) == base(name)), None)
    if found is None:
        return Qcow(part[1])
    if _sniff(found[1]) == "qcow2":
        return Qcow(part[1], _chain(parts, found, depth + 1))
    return Qcow(part[1], open_image([found]))


def _vmdk(parts: list[Part], kinds: list[str]) -> Image:
    return Image("vmdk", open_vmdk(parts))


def _vhd(parts: list[Part], kinds: list[str]) -> Image:
    own = [part for part, kind in zip(parts, kinds, strict=True) if kind in ("vhd", "vhdx")]
    disk, _ = open_vhd(own)
    return Image("vhdx" if "vhdx" in kinds else "vhd", disk)


def _numbered(parts: list[Part]) -> dict[int, Part]:
    """The parts by their number, if their names differ in nothing but a number or letters at the end."""
    found: dict[int, Part] = {}
    stems = set()
    for part in parts:
        if not (m := _NUMBERED.fullmatch(base(part[0]))):
            return {}
        stems.add((m[1], m[2].isdigit() or len(m[2])))
        found[int(m[2]) if m[2].isdigit() else _letters(m[2])] = part
    fits = len(stems) == 1 and len(found) == len(parts) > 1 and (0 in found or next(iter(stems))[1] is True)
    return found if fits else {}


def _letters(text: str) -> int:
    value = 0
    for letter in text:
        value = value * 26 + ord(letter) - ord("a")
    return value


def _raw(parts: list[Part]) -> Image:
    if len(parts) == 1:
        joined = Joined([parts[0][1]])
        if (m := _NUMBERED.fullmatch(base(parts[0][0]))) and m[2].isdigit() and len(m[2]) == 3 and 1 < int(m[2]) < 100:
            joined.marks.add("missing-segment")
        return Image("raw", joined)
    numbered = _numbered(parts)
    if not numbered:
        return Image("split", Joined([medium for _, medium in parts]))
    media: list[Medium | None] = [numbered[i][1] for i in sorted(numbered)]
    numbers = range(min(*numbered, 1), max(numbered) + 1)
    lacking = len(numbers) - len(numbered)
    even = len({medium.size for medium in media[:-1] if medium}) == 1
    if lacking and even and lacking <= 10 * len(parts):
        media = [numbered[i][1] if i in numbered else None for i in numbers]
    joined = Joined(media)
    if lacking:
        joined.marks.add("missing-segment")
    return Image("split", joined)

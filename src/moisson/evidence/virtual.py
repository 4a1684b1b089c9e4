"""Disks of virtual machines and other containers that the libyal libraries read: VMDK, VHD, VHDX, UDIF (dmg).

Extents and parents are looked for among the parts of the same exhibit, by name or identifier. What a library refuses
to read reads as zeros and is listed by `errors()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymodi  # type: ignore[import-not-found]
import pyvhdi  # type: ignore[import-not-found]
import pyvmdk  # type: ignore[import-not-found]

from moisson.errors import DamagedError, EvidenceError, UnsupportedError
from moisson.evidence.faults import Faults
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.reader import Medium

STEP = 64 << 10
DEPTH = 32
Part = tuple[str, "Medium"]
_DISK_TYPES = {2: "fixed", 3: "dynamic", 4: "differencing"}


class Foreign:
    """A medium over an opened libyal handle; the handle and the files under it live as long as this does."""

    def __init__(self, handle: Any, size: int, under: Sequence[object] = ()) -> None:
        if not 0 <= size < 1 << 62:
            raise DamagedError(f"impossible disk size {size}")
        self._handle, self._under = handle, under
        self.size = self.present = size
        self.faults = Faults()
        self.marks: set[str] = set()

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        data = self._try(offset, n)
        if data is None or len(data) != n:
            data = b"".join(self._careful(at, min(STEP, offset + n - at)) for at in range(offset, offset + n, STEP))
        return data

    def _try(self, offset: int, n: int) -> bytes | None:
        try:
            data: bytes = self._handle.read_buffer_at_offset(n, offset)
        except (OSError, EvidenceError, OverflowError, ValueError, MemoryError):
            return None
        return data

    def _careful(self, offset: int, n: int) -> bytes:
        data = self._try(offset, n)
        if data is None or len(data) != n:
            self.marks.add("chunk-errors")
            self.faults.add(offset, n, "the container gives no data here")
            data = (data or b"").ljust(n, b"\0")
        return data


def base(name: str) -> str:
    """The last component of a path of any system, in lower case."""
    return name.replace("\\", "/").rsplit("/", 1)[-1].casefold()


def open_vmdk(parts: Sequence[Part], depth: int = 0) -> Foreign:
    """The disk whose descriptor (alone or at the head of an extent) is the first of the parts to have no child."""
    return _open_vmdk(parts, _top(parts, _vmdk_parent), depth)


def _vmdk(part: Part) -> tuple[Any, Any]:
    file = Reader(part[1]).file()
    handle = pyvmdk.handle()
    try:
        handle.open_file_object(file)
    except (OSError, EvidenceError) as error:
        raise DamagedError(f"{part[0]} is no VMDK that can be opened: {_last(error)}") from error
    return handle, file


def _vmdk_parent(part: Part) -> tuple[str, str]:
    handle, _file = _vmdk(part)
    try:
        parent = handle.parent_content_identifier
        return f"{handle.content_identifier:08x}", "" if parent in (None, 0xFFFFFFFF) else f"{parent:08x}"
    except OSError as error:
        raise DamagedError(f"no identifiers in {part[0]}") from error


def _open_vmdk(parts: Sequence[Part], part: Part, depth: int) -> Foreign:
    handle, file = _vmdk(part)
    try:
        names = [handle.get_extent_descriptor(i).filename for i in range(min(handle.number_of_extents, 10_000))]
        files = []
        for name in names:
            found = next((p for p in parts if name and base(p[0]) == base(name)), part if len(names) == 1 else None)
            if found is None:
                raise DamagedError(f"{part[0]} needs {name}, which is not among the files of this exhibit")
            files.append(Reader(found[1]).file())
        handle.open_extent_data_files_as_file_objects(files)
        under: list[object] = [file, *files]
        if handle.parent_content_identifier not in (None, 0xFFFFFFFF):
            wanted = f"{handle.parent_content_identifier:08x}"
            parent = _parent(parts, part, wanted, _vmdk_parent, depth)
            below = _open_vmdk(parts, parent, depth + 1)
            handle.set_parent(below._handle)
            under.append(below)
        return Foreign(handle, handle.media_size, under)
    except (OSError, TypeError, OverflowError, ValueError, MemoryError) as error:
        raise DamagedError(f"{part[0]}: {_last(error)}") from error


def open_vhd(parts: Sequence[Part]) -> tuple[Foreign, str]:
    """The disk of the VHD or VHDX that no other part has as parent, and its type."""
    return _open_vhd(parts, _top(parts, _vhd_parent), 0)


def _vhd(part: Part) -> tuple[Any, Any]:
    file = Reader(part[1]).file()
    handle = pyvhdi.file()
    try:
        handle.open_file_object(file)
    except (OSError, EvidenceError, MemoryError) as error:
        raise DamagedError(f"{part[0]} is no VHD or VHDX that can be opened: {_last(error)}") from error
    return handle, file


def _vhd_parent(part: Part) -> tuple[str, str]:
    handle, _file = _vhd(part)
    try:
        return handle.identifier or "", (handle.parent_identifier or "") if handle.disk_type == 4 else ""
    except OSError as error:
        raise DamagedError(f"no identifiers in {part[0]}") from error


def _open_vhd(parts: Sequence[Part], part: Part, depth: int) -> tuple[Foreign, str]:
    handle, file = _vhd(part)
    try:
        under: list[object] = [file]
        kind = _DISK_TYPES.get(handle.disk_type, "")
        if kind == "differencing":
            parent = _parent(parts, part, handle.parent_identifier, _vhd_parent, depth)
            below, _ = _open_vhd(parts, parent, depth + 1)
            handle.set_parent(below._handle)
            under.append(below)
        return Foreign(handle, handle.media_size, under), kind
    except (OSError, TypeError, OverflowError, ValueError, MemoryError) as error:
        raise DamagedError(f"{part[0]}: {_last(error)}") from error


def open_dmg(part: Part) -> Foreign:
    """The disk of an Apple disk image of the UDIF form."""
    file = Reader(part[1]).file()
    handle = pymodi.handle()
    try:
        handle.open_file_object(file)
        return Foreign(handle, handle.media_size, [file])
    except (OSError, EvidenceError, OverflowError, MemoryError) as error:
        raise DamagedError(f"{part[0]} is no disk image that can be opened: {_last(error)}") from error


def _top(parts: Sequence[Part], identify: Any) -> Part:
    """The part that opens and is nobody's parent; raises what the first part raised when none opens."""
    known: list[tuple[Part, str, str]] = []
    first: EvidenceError | None = None
    for part in parts[:1000]:
        try:
            known.append((part, *identify(part)))
        except EvidenceError as error:
            first = first or error
    parents = {parent for _, _, parent in known if parent}
    for part, own, _ in known:
        if own not in parents:
            return part
    raise first or DamagedError("each of these disks names another one as its parent")


def _parent(parts: Sequence[Part], part: Part, wanted: str, identify: Any, depth: int) -> Part:
    if depth >= DEPTH:
        raise DamagedError("too many disks upon each other")
    for other in parts[:1000]:
        if other is not part:
            try:
                if identify(other)[0] == wanted:
                    return other
            except EvidenceError:
                continue
    raise UnsupportedError(f"{part[0]} holds only the changes to another disk, which is not among the files")


def _last(error: BaseException) -> str:
    """The innermost sentence of a libyal message."""
    return str(error).strip().splitlines()[-1][:200] if str(error).strip() else type(error).__name__

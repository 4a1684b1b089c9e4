"""Volumes of a medium: partition tables, encrypted containers, file systems, and the gaps between them.

Encryption is looked for before file systems, and these before tables; but where a signature that does not lie in the
first sector meets a table that leads to known file systems, the table wins, for such signatures outlive a partitioning.
Partitions are numbered as `partition` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.address import Layer, bytes_at
from moisson.errors import AddressError, DamagedError, EvidenceError
from moisson.evidence import unlock
from moisson.evidence.extents import Pieces
from moisson.evidence.partition import Partition, Table, read_table
from moisson.evidence.probe import Found, backup_ext, probe
from moisson.reader import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

MAX_NESTING = 4
LOST_STEPS = 8192
_SMALL = 16 << 20
_OUTLIVES = frozenset({"ext", "hfs", "btrfs", "f2fs", "swap"})


class Volume(Struct, frozen=True):
    """A range of bytes and what it holds.

    `kind` is ntfs, fat, exfat, ext, hfs, iso9660, apfs, xfs, btrfs, swap, lvm, … or `unknown`, and `gap` for bytes that
    no partition claims. `offset` counts in the image, or in the container last unlocked. `size` is what the table or
    the file system declares; the flag `truncated` says that less is there. Other flags: backup-superblock,
    backup-gpt, gpt-checksum, table-lost. `label` is the file system's name, `name` the partition's.
    """

    layers: tuple[Layer, ...]
    offset: int
    size: int
    kind: str
    label: str = ""
    name: str = ""
    flags: tuple[str, ...] = ()


class Locked(Struct, frozen=True):
    """A container (bitlocker, luks1, luks2) that no key at hand opens, and why."""

    layers: tuple[Layer, ...]
    kind: str
    detail: str
    offset: int = 0
    size: int = 0


class Damage(Struct, frozen=True):
    """A table or a container that is not what it claims."""

    layers: tuple[Layer, ...]
    detail: str
    offset: int = 0
    size: int = 0


Finding = Volume | Locked | Damage


def scan(medium: Medium, keys: Sequence[str] = ()) -> Iterator[Finding]:
    """Every volume of a medium, in the order of the tables, then the gaps; a medium of zeros yields nothing."""
    yield from _scan(medium, (), 0, keys, 0, Partition(0, 0, medium.size), ())


def _scan(
    medium: Medium,
    layers: tuple[Layer, ...],
    offset: int,
    keys: Sequence[str],
    depth: int,
    row: Partition,
    flags: tuple[str, ...],
) -> Iterator[Finding]:
    try:
        sort = unlock.probe(medium)
    except EvidenceError as error:
        yield Damage(layers, str(error), offset, medium.size)
        sort = ""
    if sort:
        yield from _enter(medium, sort, layers, offset, keys, depth, row)
        return
    found, table = probe(medium), None
    if not layers or layers[-1].scheme != "p":
        try:
            table = read_table(medium)
        except DamagedError as error:
            yield Damage(layers, str(error), offset, medium.size)
    if table and depth < MAX_NESTING and (found is None or _outlived(medium, table, found)):
        yield from _rows(medium, table, layers, offset, keys, depth)
    elif found := found or backup_ext(medium):
        whole = _whole(medium, found) if row.number == 0 else medium
        cut = ("truncated",) * (whole.present < whole.size)
        yield Volume(layers, offset, whole.size, found.kind, found.label, row.name, (*found.flags, *cut, *flags))
    elif row.number or not _is_empty(medium):
        cut = ("truncated",) * (medium.present < medium.size)
        yield Volume(layers, offset, medium.size, "unknown", "", row.name, (*cut, *flags))
        if row.number == 0:
            yield from _lost(medium, layers)


def _enter(
    medium: Medium, sort: str, layers: tuple[Layer, ...], offset: int, keys: Sequence[str], depth: int, row: Partition
) -> Iterator[Finding]:
    inner = (*layers, Layer("bde" if sort == "bitlocker" else "luks"))
    try:
        clear = unlock.open_clear(medium, sort, keys)
    except DamagedError as error:
        yield Damage(inner, str(error), offset, medium.size)
        return
    except EvidenceError as error:
        yield Locked(inner, sort, str(error), offset, medium.size)
        return
    if depth >= MAX_NESTING:
        yield Damage(inner, "too many containers in each other", offset, medium.size)
        return
    yield from _scan(clear, inner, 0, keys, depth + 1, Partition(0, 0, clear.size, row.name), ())


def _outlived(medium: Medium, table: Table, found: Found) -> bool:
    """Whether the table leads to file systems, so that `found` is what was there before it."""
    if found.kind not in _OUTLIVES:
        return False
    parts = (Window(medium, part.offset, part.size) for part in table.partitions[:16])
    return any(probe(part) is not None for part in parts)


def _rows(
    medium: Medium, table: Table, layers: tuple[Layer, ...], offset: int, keys: Sequence[str], depth: int
) -> Iterator[Finding]:
    for part in table.partitions:
        inner = (*layers, Layer("p", str(part.number)))
        if part.offset >= medium.size:
            yield Damage(inner, f"partition {part.number} lies beyond the end", offset + part.offset, part.size)
            continue
        window = Window(medium, part.offset, part.size)
        yield from _scan(window, inner, offset + part.offset, keys, depth + 1, part, table.flags)
    for start, end in _gaps(medium, table):
        yield Volume((*layers, bytes_at(start, end - start)), offset + start, end - start, "gap")


def _gaps(medium: Medium, table: Table) -> Iterator[tuple[int, int]]:
    """What neither a partition nor the table takes; gaps of zeros are passed over unless large."""
    taken = sorted([(p.offset, p.offset + p.size) for p in table.partitions] + [(a, a + n) for a, n in table.own])
    at = 0
    for start, end in [*taken, (medium.size, medium.size)]:
        start = min(start, medium.size)
        if start > at and (start - at > _SMALL or medium.pread(at, start - at).strip(b"\0")):
            yield at, start
        at = max(at, end)


def _lost(medium: Medium, layers: tuple[Layer, ...]) -> Iterator[Volume]:
    """File systems at the places where partitions are wont to begin, when there is no table (left) to name them."""
    end = 0
    for at in (63 * 512, *((n << 20) for n in range(1, min(LOST_STEPS, medium.size >> 20)))):
        if at < end or at + 4096 > medium.size:
            continue
        window = Window(medium, at, medium.size - at)
        found = probe(window)
        if found is None or found.kind == "swap" or not 0 < found.size <= 2 * window.size:
            continue
        where = (*layers, bytes_at(at, found.size))
        cut = ("truncated",) * (found.size > window.present)
        yield Volume(where, at, found.size, found.kind, found.label, "", ("table-lost", *found.flags, *cut))
        end = at + found.size


def _whole(medium: Medium, found: Found) -> Medium:
    """The medium, as long as its file system declares where that is more than was acquired."""
    return Window(medium, 0, found.size) if found.size > medium.size else medium


def _is_empty(medium: Medium) -> bool:
    step = max(1, medium.size // 64)
    return not any(medium.pread(at, 1 << 14).strip(b"\0") for at in range(0, medium.size, step))


def open_volume(medium: Medium, layers: Sequence[Layer], keys: Sequence[str] = ()) -> Medium:
    """The medium that layers lead to; raises `AddressError`, `PasswordError` or `DamagedError`."""
    for layer in layers:
        if layer.scheme == "p":
            medium = _partition(medium, layer)
        elif layer.scheme in ("bde", "luks"):
            sort = unlock.probe(medium)
            if (sort == "bitlocker") != (layer.scheme == "bde") or not sort:
                raise AddressError(f"no container for the layer {layer} here")
            medium = unlock.open_clear(medium, sort, keys)
        elif layer.scheme == "@":
            offset, length = layer.span
            medium = Window(medium, offset, medium.size - offset if length is None else length)
        elif layer.scheme == "pieces":
            medium = Pieces(medium, layer.spans, sum(length for _, length in layer.spans))
        else:
            raise AddressError(f"{layer} leads to no volume")
    if layers and layers[-1].scheme in ("p", "@", "pieces"):
        return medium
    found = probe(medium) or backup_ext(medium)
    return _whole(medium, found) if found else medium


def _partition(medium: Medium, layer: Layer) -> Medium:
    table = read_table(medium)
    part = next((p for p in table.partitions if str(p.number) == layer.locator), None) if table else None
    if part is None:
        raise AddressError(f"no partition {layer.locator} here")
    return Window(medium, part.offset, part.size)

"""The names of a file system of The Sleuth Kit: its directories walked from the root, then through its orphans."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytsk3  # type: ignore[import-untyped]

from moisson.evidence.extents import Claims
from moisson.evidence.filesystem import Fault, printable
from moisson.evidence.rows import Row, short_name
from moisson.evidence.sleuth import attributes, is_directory, runs_of, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.rows import Geometry

ORPHANS = "$OrphanFiles"
_TABLES = (b"$ALLOC_BITMAP", b"$UPCASE_TABLE", b"$VOLUME_GUID", b"$TEX_FAT", b"$ACT", b"$EMPTY_VOLUME_LABEL")
_TREES = (b"$ExtentsFile", b"$CatalogFile", b"$BadBlockFile", b"$AllocationFile", b"$AttributesFile", b"$StartupFile")
_NO_LABEL = ("NO NAME", "$EMPTY_VOLUME_LABEL")
_LABEL = b" (Volume Label Entry)"
_DEPTH = 256
_VIRTUAL = (int(pytsk3.TSK_FS_META_TYPE_VIRT), int(pytsk3.TSK_FS_META_TYPE_VIRT_DIR))
_DEAD_NAME, _DEAD = int(pytsk3.TSK_FS_NAME_FLAG_UNALLOC), int(pytsk3.TSK_FS_META_FLAG_UNALLOC)
State = Literal["live", "deleted", "orphan"]


class Found(NamedTuple):
    """A name that was met, and what tells it from the others of its record."""

    path: str
    name: str
    number: int
    state: State
    turn: str


class Names:
    """One walk over all the names; what belongs to the file system itself is claimed, not told."""

    def __init__(self, fs: Any, source: str, rows: Geometry | None, label: str) -> None:
        self.fs, self.source, self.rows, self.label = fs, source, rows, label
        self.block = int(fs.info.block_size) or 512
        self.claims = Claims()
        self._met: Counter[int] = Counter()

    def walk(self) -> Iterator[tuple[Found | Fault, Any]]:
        """Every name with the file, or the row, that it leads to."""
        root = int(self.fs.info.root_inum)
        todo = [(root, "", 0, False)]
        seen = {root}
        while todo:
            number, base, depth, dead = todo.pop()
            inside: list[tuple[int, str, int, bool]] = []
            try:
                rows = self.fs.open_dir(inode=number)
                for row in rows:
                    found, file = self._row(row, base, dead=dead)
                    if found is None:
                        continue
                    if not (found.path == ORPHANS and not base):
                        yield found, file
                    if file is not None and is_directory(file) and found.number not in seen and depth < _DEPTH:
                        seen.add(found.number)
                        inside.append((found.number, found.path, depth + 1, found.state != "live"))
            except OSError as error:
                if not dead:
                    yield Fault(str(number), base, "damaged", sentence(error)), None
            if self.source == "fat" and not dead:
                for big in self._oversized(number):
                    path = f"{base}/{big.name}" if base else big.name
                    yield (
                        Found(path, big.name, big.number, "live", self._turn(big.number, 1, reused=False, live=True)),
                        big,
                    )
            todo += reversed(inside)

    def _oversized(self, number: int) -> list[Row]:
        """The files of a directory that claim more than the volume, which The Sleuth Kit leaves out."""
        try:
            file = self.fs.open_meta(number)
        except OSError:
            return []
        places = [e for a in attributes(file) for e in runs_of(a, self.block)]
        return list(self.rows.oversized(places)) if self.rows is not None else []

    def _row(self, row: Any, base: str, *, dead: bool) -> tuple[Found | None, Any]:
        info = row.info.name
        raw = info.name if info else None
        if not raw or raw in (b".", b".."):
            return None, None
        if raw.endswith(_LABEL):
            self.label = self.label if base else _label(raw)
            plain = all(0x20 <= byte < 0x7F for byte in raw[: -len(_LABEL)])  # noise is no label that owns clusters
            if not plain or row.info.meta is None or not int(row.info.meta.size) or self.source != "fat":
                return None, None
            raw = short_name(raw[: -len(_LABEL)].ljust(11)[:11]).encode()
        gone = bool(int(info.flags) & _DEAD_NAME)
        file, number = row, int(info.meta_addr)
        if row.info.meta is None and gone and number != int(self.fs.info.root_inum):
            file = self._open_meta(number)
        meta = file.info.meta if file is not None else None
        if meta is None:
            return (self._bare(printable(raw), base) if gone else None), None
        if raw != ORPHANS.encode() and (int(meta.type) in _VIRTUAL or raw in _TABLES or (not base and raw in _TREES)):
            self.claims.add(e for a in attributes(file) for e in runs_of(a, self.block))
            return None, None
        name = printable(raw)
        path = f"{base}/{name}" if base else name
        state: State = "live" if not (gone or dead) else "orphan" if path.startswith(ORPHANS) else "deleted"
        reused = state == "deleted" and (
            not int(meta.flags) & _DEAD or (self.source == "ntfs" and info.meta_seq not in (meta.seq, meta.seq - 1))
        )
        turn = self._turn(int(meta.addr), int(meta.nlink), reused=reused, live=state == "live")
        return Found(path, name, int(meta.addr), state, turn), None if reused else file

    def _open_meta(self, number: int) -> Any:
        try:
            return self.fs.open_meta(number) if number else None
        except OSError:
            return None

    def _bare(self, name: str, base: str) -> Found:
        """A deleted name of which nothing but the name is left."""
        return Found(f"{base}/{name}" if base else name, name, 0, "deleted", self._turn(0, 0, reused=True, live=False))

    def _turn(self, number: int, links: int, *, reused: bool, live: bool) -> str:
        """What tells one name of a record from the others."""
        if live and links <= 1 and self.source not in ("fat", "exfat"):
            return ""
        key = -number - 1 if reused else number
        self._met[key] += 1
        if reused:
            return f"~{self._met[key]}"
        return f"#{self._met[key]}" if self._met[key] > 1 else ""


def _label(raw: bytes) -> str:
    label = printable(raw[: -len(_LABEL)]).strip()
    return "" if label in _NO_LABEL else label

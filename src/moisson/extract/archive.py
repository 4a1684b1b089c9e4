"""Archives and packed files: their members become children, opened one by one when somebody wants them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from moisson.address import Layer
from moisson.errors import DamagedError, EvidenceError
from moisson.extract import inflate, rar, rest, sevenzip, tar, zipdir, ziplock, zipmember  # noqa: F401  (their steps)
from moisson.extract.encoding import decode
from moisson.extract.unpack import KEEP, MAX_MEMBER, Names, reader_of
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.extract.ziprow import Entry

Piece = Child | Fact | Flag | Passage
_ROOMY = Limits(seconds=60, per_mb=3)


@step(
    "extract.zip",
    version=1,
    kinds=("application/zip", "application/java-archive", "application/vnd.android.package-archive"),
    names=("*.zip", "*.cbz", "*.jar", "*.apk"),
    limits=_ROOMY,
    reference="APPNOTE.TXT 6.3, WinZip AES",
)
def read_zip(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The members of a ZIP archive, also of a self-extracting or damaged one."""
    entries, wrong = zipdir.read_directory(data)
    if said := zipdir.comment(data):
        yield Passage(decode(said)[0] + "\n", "comment")
    if wrong:
        yield Flag("damaged", f"members found by their own headers: {wrong}")
    if entries and min(e.offset for e in entries) > 0:
        yield Flag("prefixed", f"{min(e.offset for e in entries)} bytes before the first member")
    if any(e.overlaps for e in entries):
        yield Flag("attack", f"{sum(e.overlaps for e in entries)} members overlap others")
    names, ring, locked = Names("zip"), ziplock.Keyring(keys), False
    for entry in entries:
        layer = names.layer(entry.name)
        if entry.is_folder:
            continue
        flags = _flags(data, entry, ring)
        locked = locked or "password" in flags
        yield Child(
            entry.name,
            layer,
            partial(zipmember.open_small, data, entry, ring),
            entry.size,
            modified=entry.modified,
            flags=flags,
        )
    if locked:
        yield Flag("password", "locked members")


def _flags(data: Reader, entry: Entry, ring: ziplock.Keyring) -> tuple[str, ...]:
    if not entry.encrypted:
        return ()
    try:
        return ("password",) if next(zipmember.openings(data, entry, ring), None) is None else ("encrypted",)
    except EvidenceError:
        return ("password",)


def _single(data: Reader, kind: str, name: str) -> Iterator[Piece]:
    """The one file in a packed file: read now while it is small, so that its size and its damage are known."""
    decoder = {
        "gzip": inflate.gzip, "bzip2": inflate.bzip2, "xz": inflate.xz, "lzma": inflate.lzma_alone, "zstd": inflate.zstd
    }[kind]  # fmt: skip
    kept, total, flags = list[bytes](), 0, tuple[str, ...]()
    whole = True
    try:
        for piece in decoder(data.chunks()):
            total += len(piece)
            if total > KEEP:
                whole = False
                break
            kept.append(piece)
    except DamagedError as why:
        if not total:
            raise
        flags = ("truncated",)
        yield Flag("truncated", str(why))
    if whole:
        yield Child(name, Layer(kind), partial(Reader.of, b"".join(kept)), total, flags=flags)
        return
    kept.clear()
    yield Child(name, Layer(kind), partial(reader_of, lambda: decoder(data.chunks()), None))


def _gzip_name(data: Reader) -> str:
    head = data.head(1024)
    if len(head) < 10 or not head[3] & 8:
        return ""
    at = 10 + (2 + int.from_bytes(head[10:12], "little") if head[3] & 4 else 0)
    raw = head[at:].partition(b"\0")[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@step(
    "extract.gzip",
    version=1,
    kinds=("application/gzip", "application/x-gzip"),
    names=("*.gz", "*.tgz", "*.svgz"),
    limits=_ROOMY,
    reference="RFC 1952",
)
def read_gzip(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """What was packed with gzip."""
    return _single(data, "gzip", _gzip_name(data) or "content")


@step(
    "extract.bzip2",
    version=1,
    kinds=("application/x-bzip2",),
    names=("*.bz2", "*.tbz2"),
    limits=_ROOMY,
    reference="bzip2",
)
def read_bzip2(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """What was packed with bzip2."""
    return _single(data, "bzip2", "content")


@step("extract.xz", version=1, kinds=("application/x-xz",), names=("*.xz", "*.txz"), limits=_ROOMY, reference="xz 1.1")
def read_xz(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """What was packed with xz."""
    return _single(data, "xz", "content")


@step("extract.lzma", version=1, kinds=("application/x-lzma",), names=("*.lzma",), limits=_ROOMY, reference="LZMA SDK")
def read_lzma(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """What was packed with the older LZMA tools."""
    return _single(data, "lzma", "content")


@step(
    "extract.zstd",
    version=1,
    kinds=("application/zstd",),
    names=("*.zst", "*.tzst"),
    limits=_ROOMY,
    reference="RFC 8878",
)
def read_zstd(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """What was packed with Zstandard."""
    return _single(data, "zstd", "content")


__all__ = ["MAX_MEMBER", "read_bzip2", "read_gzip", "read_lzma", "read_xz", "read_zip", "read_zstd"]

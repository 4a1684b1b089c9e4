"""Archives and packed files: their members become children, opened one by one when somebody wants them."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

from moisson.address import Layer
from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError, UnsupportedError
from moisson.extract import inflate, rar, rest, sevenzip, tar, zipdir, ziplock  # noqa: F401  (they declare steps)
from moisson.extract.unpack import KEEP, MAX_MEMBER, Names, reader_of
from moisson.model import Fact, Flag
from moisson.reader import CHUNK, Child, Reader
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from moisson.extract.zipdir import Entry

    Source = Callable[[], Iterator[bytes]]

Piece = Child | Fact | Flag
_ROOMY = Limits(seconds=60, per_mb=3)
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 10: "implode", 96: "jpeg", 97: "wavpack", 98: "PPMd"}


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
            entry.name, layer, partial(_open, data, entry, ring), entry.size, modified=entry.modified, flags=flags
        )
    if locked:
        yield Flag("password", "locked members")


def _flags(data: Reader, entry: Entry, ring: ziplock.Keyring) -> tuple[str, ...]:
    if not entry.encrypted:
        return ()
    try:
        return ("password",) if next(_openings(data, entry, ring), None) is None else ("encrypted",)
    except EvidenceError:
        return ("password",)


def _packed(data: Reader, at: int, size: int) -> Iterator[bytes]:
    end = min(at + size, data.size)
    while at < end:
        chunk = data.pread(at, min(CHUNK, end - at))
        if not chunk:
            return
        yield chunk
        at += len(chunk)


def _start(data: Reader, entry: Entry) -> int:
    local = data.pread(entry.offset, 30)
    if len(local) < 30 or local[:4] != b"PK\3\4":
        raise DamagedError("no local header where the directory says")
    start = entry.offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    if start + entry.packed > data.size:
        raise DamagedError("the member runs over the end of the archive")
    return start


def _openings(data: Reader, entry: Entry, ring: ziplock.Keyring) -> Iterator[tuple[bytes, Source]]:
    """Each password that may be right, and the still packed bytes it gives; one empty password without encryption."""
    start = _start(data, entry)
    if not entry.encrypted:
        yield b"", lambda: _packed(data, start, entry.packed)
    elif entry.flags & 0x40:
        raise UnsupportedError("strong encryption of PKWARE")
    elif entry.method == 99 and entry.aes:
        salt = {1: 8, 2: 12, 3: 16}.get(entry.aes[1], 16)
        head, mac = data.pread(start, salt + 2), data.pread(start + entry.packed - 10, 10)
        body, size = start + salt + 2, entry.packed - salt - 12
        for password, pair in ziplock.aes_keys(head[:salt], head[salt:], entry.aes[1], ring):
            yield password, partial(_unsealed, data, body, size, pair, mac)
    else:
        check = entry.dos_time >> 8 & 255 if entry.flags & 8 else entry.crc >> 24
        for password, state in ziplock.traditional_keys(data.pread(start, 12), check, ring):
            yield password, partial(_unlocked, data, start + 12, entry.packed - 12, state)


def _unsealed(data: Reader, at: int, size: int, pair: tuple[bytes, bytes], mac: bytes) -> Iterator[bytes]:
    return ziplock.aes(_packed(data, at, size), pair[0], pair[1], mac)


def _unlocked(data: Reader, at: int, size: int, state: tuple[int, int, int]) -> Iterator[bytes]:
    return ziplock.traditional(_packed(data, at, size), state)


def _open(data: Reader, entry: Entry, ring: ziplock.Keyring) -> Reader:
    if entry.overlaps:
        raise LimitError("the member overlaps another one")
    failed: EvidenceError | None = None
    for password, source in _openings(data, entry, ring):
        try:
            reader = reader_of(partial(_plain, entry, source), entry.size)
        except (DamagedError, PasswordError, LimitError) as why:
            if not entry.encrypted:
                raise
            failed = why
        else:
            ring.opened(password)
            return reader
    raise PasswordError(f"no password fits: {failed}" if failed else "the member is encrypted")


def _plain(entry: Entry, source: Source) -> Iterator[bytes]:
    """The member's bytes, their checksum tested at the end."""
    crc = 0
    for piece in _expand(entry, source()):
        crc = zlib.crc32(piece, crc)
        yield piece
    if crc != entry.crc and not (entry.aes and entry.aes[0] == 2):
        raise DamagedError("the checksum does not fit")


def _expand(entry: Entry, chunks: Iterator[bytes]) -> Iterator[bytes]:
    method = entry.aes[2] if entry.method == 99 and entry.aes else entry.method
    if method == 0:
        return chunks
    if method == 8:
        return inflate.deflate(chunks)
    if method in (20, 93):
        return inflate.zstd(chunks)
    if method == 12:
        return inflate.bzip2(chunks)
    if method == 95:
        return inflate.xz(chunks)
    if method == 14:
        return _lzma(entry, chunks)
    raise UnsupportedError(f"ZIP method {method} ({_METHODS.get(method, 'unknown')})")


def _lzma(entry: Entry, chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = next(chunks, b"")
    size = int.from_bytes(head[2:4], "little")
    if size != 5 or len(head) < 9:
        raise DamagedError("no LZMA properties")
    filters = [sevenzip.lzma1(head[4:9])]
    return inflate.raw_lzma(_chain(head[9:], chunks), filters, entry.size)


def _chain(first: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from more


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

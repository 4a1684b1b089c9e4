"""The bytes of one member of a ZIP archive: unlocked, unpacked, tested (APPNOTE.TXT 6.3, WinZip AE-1 and AE-2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from isal import isal_zlib
from isal.isal_zlib import crc32

from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError, UnsupportedError
from moisson.evidence.ewfsection import IsalError
from moisson.evidence.inflated import RAW, Inflated
from moisson.evidence.members import Salvaged, damage
from moisson.extract import inflate, sevenzip, ziplock
from moisson.extract.unpack import KEEP, Stream, reader_of
from moisson.reader import CHUNK, Memory, Reader, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.extract.ziprow import Entry
    from moisson.reader import Medium

    Source = Callable[[], Iterator[bytes]]

_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 10: "implode", 96: "jpeg", 97: "wavpack", 98: "PPMd"}
_WHOLE = 16 << 20


def _packed(data: Reader, at: int, size: int) -> Iterator[bytes]:
    end = min(at + size, data.size)
    while at < end:
        chunk = data.pread(at, min(CHUNK, end - at))
        if not chunk:
            return
        yield chunk
        at += len(chunk)


def _start(data: Reader, entry: Entry, *, whole: bool = True) -> int:
    local = data.pread(entry.offset, 30)
    if len(local) < 30 or local[:4] != b"PK\3\4":
        raise DamagedError("no local header where the directory says")
    start = entry.offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    if start + entry.packed > data.size and (whole or start > data.size):
        raise DamagedError("the member runs over the end of the archive")
    return start


def openings(data: Reader, entry: Entry, ring: ziplock.Keyring) -> Iterator[tuple[bytes, Source]]:
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


def open_small(data: Reader, entry: Entry, ring: ziplock.Keyring) -> Reader:
    """The bytes of a member without a fault; raises `EvidenceError` for any other."""
    if entry.overlaps:
        raise LimitError("the member overlaps another one")
    failed: EvidenceError | None = None
    for password, source in openings(data, entry, ring):
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
    for piece in _opened(entry, source):
        crc = crc32(piece, crc)
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


def open_large(data: Reader, entry: Entry, ring: ziplock.Keyring) -> Reader:
    """The bytes of a member of any size; what is damaged is given as far as it goes, and its medium's `damage` says so.

    It is gone through once here. Of large ones the stored and the deflated can then be read at any place, those of
    other methods and the locked forwards.
    """
    if entry.encrypted:
        return _unlock(data, entry, ring)
    start, size = _start(data, entry, whole=False), entry.size
    there = Window(data.medium, start, min(entry.packed, data.size - start))
    if entry.method == 0:
        return _surveyed(entry, Reader(there).chunks, Window(there, 0, min(size, there.size)))
    if entry.method == 8 and size <= _WHOLE and there.size <= 2 * _WHOLE:
        plain = _at_once(there, size)
        if plain is not None and len(plain) == size and not _verdict(entry, len(plain), crc32(plain)):
            return Reader.of(plain)
    elif entry.method == 8 and size > _WHOLE:
        unpacked = Inflated(there, RAW, size)
        unpacked.damage = unpacked.damage or _verdict(entry, unpacked.size, unpacked.crc)
        return Reader(unpacked)
    return _surveyed(entry, lambda: _expand(entry, Reader(there).chunks()))


def _at_once(packed: Medium, size: int) -> bytes | None:
    """The quickest way, for what is whole."""
    decoder = isal_zlib.decompressobj(RAW)
    try:
        return decoder.decompress(packed.pread(0, packed.size), size + 1)
    except IsalError:
        return None


def _unlock(data: Reader, entry: Entry, ring: ziplock.Keyring) -> Reader:
    if entry.size <= KEEP:
        return open_small(data, entry, ring)
    if not entry.aes:
        raise LimitError(f"{entry.packed} bytes under the old cipher of ZIP, which would take minutes")
    for password, source in openings(data, entry, ring):
        try:
            reader = _surveyed(entry, partial(_opened, entry, source))
        except PasswordError:
            continue
        if not damage(reader):
            ring.opened(password)
            return reader
    raise PasswordError("no password fits, or the member is damaged")


def _opened(entry: Entry, source: Source) -> Iterator[bytes]:
    """What comes out, and the rest of what goes in, for the code that authenticates it stands behind everything."""
    chunks = source()
    yield from _expand(entry, chunks)
    for _ in chunks:
        pass


def _surveyed(entry: Entry, make: Source, medium: Medium | None = None) -> Reader:
    """What `make` yields, gone through once: kept while it is small, else made again, or read from `medium`."""
    kept, why, size, crc = list[bytes](), "", 0, 0
    small = entry.size <= _WHOLE
    try:
        for piece in make():
            crc, size = crc32(piece, crc), size + len(piece)
            if small and medium is None:
                kept.append(piece)
            if size > entry.size:
                why = f"more bytes come out than the {entry.size} declared"
                break
    except DamagedError as error:
        why = str(error)
    size, why = min(size, entry.size), why or _verdict(entry, size, crc)
    if medium is None:
        medium = Memory(b"".join(kept)[:size]) if small else Stream(make, size)
    return Reader(Salvaged(medium, why) if why else medium)


def _verdict(entry: Entry, size: int, crc: int) -> str:
    if size < entry.size:
        return f"only {size} of {entry.size} bytes can be read"
    return "" if crc == entry.crc or (entry.aes and entry.aes[0] == 2) else "the checksum does not fit"

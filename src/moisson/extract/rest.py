"""Every other archive, through libarchive: cpio, cab, ar, deb, rpm, lha, xar, large rar, and odd coders of 7z and ZIP.

The library is the one that the wheel of `archi` carries, else the system's. It reads through callbacks, so that
nothing has to be copied, and it never writes.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moisson.errors import DamagedError, LimitError, PasswordError, UnsupportedError
from moisson.extract.encoding import to_text
from moisson.extract.unpack import KEEP, MAX_MEMBER, PIECE, Names, Stream
from moisson.model import Fact, Flag
from moisson.reader import Child, Reader
from moisson.registry import Limits, step
from moisson.times import Instant, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OK, _EOF, _WARN, _REGULAR, _FOLDER = 0, 1, -20, 0o100000, 0o040000
MAX_ENTRIES = 200_000
_READ = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
_SKIP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
_SEEK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int)


def _load() -> Any:
    spec = find_spec("archi")
    beside = sorted(Path(spec.origin).parent.glob("archi.libs/libarchive*")) if spec and spec.origin else []
    for name in (*map(str, beside), "libarchive.so.13", "libarchive.13.dylib"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        _declare(library)
        return library
    return None


def _declare(library: Any) -> None:
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("archive_read_new", pointer, ()),
        ("archive_read_free", ctypes.c_int, (pointer,)),
        ("archive_read_support_format_all", ctypes.c_int, (pointer,)),
        ("archive_read_support_format_raw", ctypes.c_int, (pointer,)),
        ("archive_read_support_filter_all", ctypes.c_int, (pointer,)),
        ("archive_read_set_read_callback", ctypes.c_int, (pointer, _READ)),
        ("archive_read_set_skip_callback", ctypes.c_int, (pointer, _SKIP)),
        ("archive_read_set_seek_callback", ctypes.c_int, (pointer, _SEEK)),
        ("archive_read_set_callback_data", ctypes.c_int, (pointer, pointer)),
        ("archive_read_open1", ctypes.c_int, (pointer,)),
        ("archive_read_next_header", ctypes.c_int, (pointer, ctypes.POINTER(pointer))),
        ("archive_read_data", ctypes.c_ssize_t, (pointer, pointer, ctypes.c_size_t)),
        ("archive_error_string", text, (pointer,)),
        ("archive_entry_pathname", text, (pointer,)),
        ("archive_entry_pathname_utf8", text, (pointer,)),
        ("archive_entry_size", ctypes.c_int64, (pointer,)),
        ("archive_entry_size_is_set", ctypes.c_int, (pointer,)),
        ("archive_entry_filetype", ctypes.c_uint, (pointer,)),
        ("archive_entry_mtime", ctypes.c_int64, (pointer,)),
        ("archive_entry_is_encrypted", ctypes.c_int, (pointer,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


_library = _load()


@dataclass(slots=True)
class Found:
    """One member as libarchive lists it."""

    number: int
    name: str
    size: int | None
    kind: int
    modified: Instant | None
    encrypted: bool


class _Archive:
    """An open archive, to be walked once from front to back."""

    def __init__(self, data: Reader, *, raw: bool = False) -> None:
        if _library is None:
            raise UnsupportedError("libarchive is not installed")
        self._data, self._at, self._buffer = data, 0, b""
        self._callbacks = (_READ(self._read), _SKIP(self._skip), _SEEK(self._seek))
        self._handle = _library.archive_read_new()
        getattr(_library, f"archive_read_support_format_{'raw' if raw else 'all'}")(self._handle)
        _library.archive_read_support_filter_all(self._handle)
        _library.archive_read_set_read_callback(self._handle, self._callbacks[0])
        _library.archive_read_set_skip_callback(self._handle, self._callbacks[1])
        _library.archive_read_set_seek_callback(self._handle, self._callbacks[2])
        _library.archive_read_set_callback_data(self._handle, None)
        if _library.archive_read_open1(self._handle) < _WARN:
            why = self._why()
            self.close()
            raise DamagedError(f"libarchive: {why}")

    def _read(self, _: Any, __: Any, out: Any) -> int:
        self._buffer = self._data.pread(self._at, PIECE)
        self._at += len(self._buffer)
        out[0] = ctypes.cast(ctypes.c_char_p(self._buffer), ctypes.c_void_p)
        return len(self._buffer)

    def _skip(self, _: Any, __: Any, n: int) -> int:
        step = max(0, min(n, self._data.size - self._at))
        self._at += step
        return step

    def _seek(self, _: Any, __: Any, offset: int, whence: int) -> int:
        base = (0, self._at, self._data.size)[whence] if 0 <= whence < 3 else 0
        self._at = max(0, min(self._data.size, base + offset))
        return self._at

    def _why(self) -> str:
        return (_library.archive_error_string(self._handle) or b"unreadable").decode("utf-8", "replace")

    def close(self) -> None:
        """Free the library's memory."""
        if self._handle:
            _library.archive_read_free(self._handle)
            self._handle = None

    def walk(self) -> Iterator[Found]:
        """The members in order; raises `DamagedError` where the archive breaks off."""
        entry = ctypes.c_void_p()
        for number in range(MAX_ENTRIES):
            code = _library.archive_read_next_header(self._handle, ctypes.byref(entry))
            if code == _EOF:
                return
            if code < _WARN:
                why = self._why()
                raise (PasswordError if "ncrypt" in why or "assphrase" in why else DamagedError)(f"libarchive: {why}")
            yield _describe(entry, number)
        raise LimitError(f"more than {MAX_ENTRIES} members")

    def content(self, size: int | None) -> Iterator[bytes]:
        """The bytes of the member the walk stands at."""
        buffer = ctypes.create_string_buffer(PIECE)
        total = 0
        while (n := _library.archive_read_data(self._handle, buffer, PIECE)) > 0:
            total += n
            if total > MAX_MEMBER or (size is not None and total > size):
                raise LimitError(f"more than {size or MAX_MEMBER} bytes come out")
            yield buffer.raw[:n]
        if n < 0:
            why = self._why()
            raise (PasswordError if "ncrypt" in why or "assphrase" in why else DamagedError)(f"libarchive: {why}")


def _describe(entry: Any, number: int) -> Found:
    raw = _library.archive_entry_pathname_utf8(entry) or _library.archive_entry_pathname(entry) or b""
    size = _library.archive_entry_size(entry) if _library.archive_entry_size_is_set(entry) else None
    return Found(
        number,
        to_text(raw).replace("\\", "/"),
        size if size is None or size >= 0 else None,
        _library.archive_entry_filetype(entry) & 0o170000,
        from_unix(_library.archive_entry_mtime(entry)),
        bool(_library.archive_entry_is_encrypted(entry)),
    )


class _Pass:
    """One walk through an archive at a time; what it passes is kept while it is small."""

    def __init__(self, data: Reader, *, raw: bool = False) -> None:
        self._data, self._raw = data, raw
        self._kept: dict[int, Reader | DamagedError] = {}
        self._budget = KEEP

    def open(self, number: int) -> Reader:
        """The reader of a member by its number."""
        if number not in self._kept:
            self._kept.clear()
            self._budget = KEEP
            self._run(number)
        found = self._kept.get(number)
        if isinstance(found, Reader):
            return found
        raise found or DamagedError("the member is not reached")

    def _run(self, wanted: int) -> None:
        """Read on from the wanted member until the budget is spent."""
        archive = _Archive(self._data, raw=self._raw)
        try:
            for found in archive.walk():
                if found.number < wanted:
                    continue
                if found.number > wanted and (found.size or 0) > self._budget:
                    return
                self._kept[found.number] = self._member(archive, found)
                if self._budget <= 0:
                    return
        except DamagedError as why:
            self._kept.setdefault(wanted, why)
        finally:
            archive.close()

    def _member(self, archive: _Archive, found: Found) -> Reader | DamagedError:
        if found.size is not None and found.size > MAX_MEMBER:
            raise LimitError(f"{found.size} bytes, more than {MAX_MEMBER} in one member")
        kept, total = [], 0
        try:
            for piece in archive.content(found.size):
                total += len(piece)
                if total <= KEEP:
                    kept.append(piece)
        except DamagedError as why:
            return why
        self._budget -= total
        if total <= KEEP:
            return Reader.of(b"".join(kept))
        return Reader(Stream(partial(_again, self._data, found.number, self._raw), total))


def _again(data: Reader, number: int, raw: bool) -> Iterator[bytes]:
    archive = _Archive(data, raw=raw)
    try:
        for found in archive.walk():
            if found.number == number:
                yield from archive.content(found.size)
                return
    finally:
        archive.close()


def open_at(data: Reader, number: int) -> Reader:
    """One member by its number in the archive's own order."""
    return _Pass(data).open(number)


def read_any(data: Reader, scheme: str) -> Iterator[Child | Fact | Flag]:
    """The members of any archive that libarchive knows."""
    names, opened, count = Names(scheme), _Pass(data), 0
    archive = _Archive(data)
    try:
        for found in archive.walk():
            layer = names.layer(found.name)
            count += 1
            if found.kind in (_REGULAR, 0):
                flags = ("password",) if found.encrypted else ()
                opener = partial(opened.open, found.number)
                yield Child(found.name, layer, opener, found.size, modified=found.modified, flags=flags)
    except PasswordError as why:
        yield Flag("password", str(why))
    except DamagedError as why:
        if not count:
            raise
        yield Flag("damaged", str(why))
    finally:
        archive.close()


def read_stream(data: Reader, kind: str) -> Iterator[Child | Fact | Flag]:
    """The one file behind a filter of libarchive."""
    opened = _Pass(data, raw=True)
    reader = opened.open(0)
    from moisson.address import Layer

    yield Child("content", Layer(kind), lambda: reader, reader.size)


_ROOMY = Limits(seconds=60, per_mb=4)
_BY = "the documentation of libarchive"


@step(
    "extract.cpio",
    version=1,
    kinds=("application/x-cpio", "application/x-rpm"),
    names=("*.cpio", "*.rpm"),
    limits=_ROOMY,
    reference=_BY,
)
def read_cpio(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The files of a cpio archive, or of the one in an RPM package."""
    return read_any(data, "cpio")


@step(
    "extract.cab",
    version=1,
    kinds=("application/vnd.ms-cab-compressed",),
    names=("*.cab",),
    limits=_ROOMY,
    reference=_BY,
)
def read_cab(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The files of a Microsoft cabinet."""
    return read_any(data, "cab")


@step(
    "extract.ar",
    version=1,
    kinds=("application/x-archive", "application/vnd.debian.binary-package"),
    names=("*.ar", "*.a", "*.deb"),
    limits=_ROOMY,
    reference=_BY,
)
def read_ar(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The files of a Unix library or a Debian package."""
    return read_any(data, "ar")


@step(
    "extract.lha",
    version=1,
    kinds=("application/x-lha", "application/x-lzh-compressed"),
    names=("*.lzh", "*.lha"),
    limits=_ROOMY,
    reference=_BY,
)
def read_lha(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The files of an LHA archive."""
    return read_any(data, "lha")


@step("extract.compress", version=1, kinds=("application/x-compress",), names=("*.z",), limits=_ROOMY, reference=_BY)
def read_compress(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """What was packed with Unix compress."""
    return read_stream(data, "compress")


@step("extract.lz4", version=1, kinds=("application/x-lz4",), names=("*.lz4",), limits=_ROOMY, reference=_BY)
def read_lz4(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """What was packed with lz4."""
    return read_stream(data, "lz4")

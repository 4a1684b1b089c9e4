"""What some bytes are: signatures, then what containers hold, then the ways of text, at last a second opinion."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from moisson.identify import containers, texts
from moisson.identify.tables import by_extension, signatures, tables, types

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.reader import Reader

_HEAD = 1 << 14
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
_FREE_EXTENSIONS = frozenset(
    ("bak", "tmp", "temp", "old", "orig", "dat", "data", "bin", "part", "partial", "crdownload", "cache", "db", "")
)
_SECOND_OPINION = 4096


class Kind(Struct, frozen=True):
    """The type of some bytes, what people call it and how it was told.

    `mismatch` says that the extension promises something else; `confident` is False where only weak signs spoke.
    """

    mime: str
    label: str
    basis: str
    puid: str = ""
    mismatch: bool = False
    confident: bool = True


def identify(data: Reader, name: str = "") -> Kind:
    """Tell what the bytes are; the name only breaks ties among kinds of text and names a mismatch."""
    if data.size == 0:
        return Kind("application/x-empty", "empty", "size")
    mime, basis, confident = _judge(data, data.head(_HEAD), name)
    mime = tables()["aliases"].get(mime, mime)
    known = types().get(mime)
    return Kind(
        mime, known.label if known else mime, basis, mismatch=confident and _mismatch(mime, name), confident=confident
    )


def canonical(mime: str) -> str:
    """The spelling of a type that is used here."""
    lower = mime.partition(";")[0].strip().lower()
    return str(tables()["aliases"].get(lower, lower))


def prepare() -> bool:
    """Load everything that is read from files, before the process is confined; False without libmagic."""
    signatures(), types(), by_extension()
    return _libmagic() is not None


def _judge(data: Reader, head: bytes, name: str) -> tuple[str, str, bool]:
    if found := _container(data, head):
        return _iwork(found, name), "container", True
    if found := _signature(data, head):
        return found, "signature", True
    read = texts.decode_text(head, cut=data.size > len(head))
    if read is not None:
        mime, basis = texts.text_kind(read.text, name, cut=data.size > len(head))
        return mime, f"{basis}, {read.charset}", mime != "text/plain" or read.charset != "8-bit"
    if found := _weak(data, head, name):
        return found, "structure", True
    if found := _opinion(head):
        return found, "libmagic", False
    return "application/octet-stream", "nothing known", False


def _iwork(mime: str, name: str) -> str:
    """Pages, Numbers and Keynote hold the same members: the extension tells which of them it is."""
    if not mime.startswith("application/vnd.apple."):
        return mime
    named = by_extension().get(name.rpartition(".")[2].lower(), (mime,))[0]
    return named if named.startswith("application/vnd.apple.") else mime


def _container(data: Reader, head: bytes) -> str:
    """Formats whose first bytes only say in what they are wrapped."""
    mark = head[:4]
    if mark in (b"PK\3\4", b"PK\5\6") or (mark == b"PK\7\x08" and head[4:8] == b"PK\3\4"):
        return containers.zip_kind(data, head)
    if head.startswith(_COMPOUND):
        return containers.compound_kind(data, head)
    if mark in (b"RIFF", b"RIFX", b"RF64"):
        return containers.riff_kind(head)
    if mark == b"OggS":
        return containers.ogg_kind(head)
    if mark == b"\x1aE\xdf\xa3":
        return containers.ebml_kind(head)
    if mark[:2] == b"MZ":
        return containers.program_kind(data, head)
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return containers.asf_kind(head)
    return containers.media_kind(head)


def _signature(data: Reader, head: bytes) -> str:
    first, others = signatures()
    for signature in first[head[0]]:
        if signature.pattern.match(head):
            return signature.mime
    for signature in others:
        if signature.offset < 0:
            start = data.size + signature.offset
            window = head[start:] if data.size <= len(head) else data.pread(start, signature.length)
            if start >= 0 and signature.pattern.match(window):
                return signature.mime
        elif signature.offset + signature.length <= len(head):
            if signature.pattern.match(head, signature.offset):
                return signature.mime
        elif signature.offset < data.size and signature.pattern.match(data.pread(signature.offset, signature.length)):
            return signature.mime
    return ""


def _weak(data: Reader, head: bytes, name: str) -> str:
    """Formats without a signature, by the sense their headers make."""
    if found := texts.portable_kind(head):
        return found
    if _is_tar(head):
        return "application/x-tar"
    if _is_dbase(data, head):
        return "application/x-dbf"
    if _is_targa(data, head):
        return "image/x-tga"
    if head[:2] == b"\xff\x0a" and name.lower().endswith(".jxl"):
        return "image/jxl"
    zlib_like = head[0] == 0x78 and head[1] in (0x01, 0x5E, 0x9C, 0xDA)
    return "application/zlib" if zlib_like else ""


def _is_tar(head: bytes) -> bool:
    """A tar header of the seventh edition has no magic, only a sum (POSIX.1-1988 10.1.1)."""
    if len(head) < 512 or not head[0]:
        return False
    with suppress(ValueError):
        stored = int(head[148:156].strip(b" \0") or b"x", 8)
        return stored == sum(head[:148]) + 8 * 32 + sum(head[156:512])
    return False


def _is_targa(data: Reader, head: bytes) -> bool:
    """A Truevision picture: the footer of version 2, or a header that makes sense."""
    if data.pread(max(0, data.size - 18), 18) == _TGA_FOOTER:
        return True
    if len(head) < 18 or head[1] > 1 or head[2] not in (1, 2, 3, 9, 10, 11):
        return False
    sized = any(head[12:14]) and any(head[14:16])
    return sized and head[16] in (8, 15, 16, 24, 32) and not head[17] & 0xC0


def _is_dbase(data: Reader, head: bytes) -> bool:
    """A dBase header: version, date, and a record layout that fits the size."""
    if len(head) < 32 or head[0] not in (0x02, 0x03, 0x04, 0x30, 0x31, 0x32, 0x43, 0x83, 0x8B, 0x8E, 0xF5, 0xFB):
        return False
    rows, header, width = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    dated = 1 <= head[2] <= 12 and 1 <= head[3] <= 31
    return dated and header >= 33 and width > 0 and header + rows * width <= data.size + width + 2


def _mismatch(mime: str, name: str) -> bool:
    """True if files of this extension are always of other types."""
    stem, dot, extension = name.rpartition(".")
    extension = extension.lower()
    expected = by_extension().get(extension)
    if not dot or not stem or not expected or mime in expected or extension in _FREE_EXTENSIONS:
        return False
    if mime in ("application/x-empty", "application/octet-stream"):
        return False
    return not (_textual(mime) and any(map(_textual, expected)))


def _textual(mime: str) -> bool:
    return mime.startswith(("text/", "message/", "multipart/")) or mime.endswith(("xml", "json", "mbox", "x-subrip"))


def _opinion(head: bytes) -> str:
    """What libmagic says, where it is installed."""
    magic = _libmagic()
    if magic is None:
        return ""
    try:
        mime = canonical(magic(head[:_SECOND_OPINION]))
    except (RuntimeError, OSError, ValueError):
        return ""
    if mime in ("application/octet-stream", "application/x-empty") or mime.startswith("text/"):
        return ""
    return mime if "/" in mime else ""


@cache
def _libmagic() -> Callable[[bytes], str] | None:
    try:
        import magic
    except (ImportError, OSError):
        return None
    try:
        reader: Any = magic.Magic(mime=True)
    except magic.MagicException:
        return None

    def ask(head: bytes) -> str:
        try:
            return str(reader.from_buffer(head))
        except magic.MagicException as error:
            raise RuntimeError(str(error)) from error

    return ask

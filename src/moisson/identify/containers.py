"""What a container is, told by what it holds: ZIP, compound files, ISO base media, RIFF, Ogg, EBML, programs."""

from __future__ import annotations

import re
import struct
import zlib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from moisson.identify.tables import tables

if TYPE_CHECKING:
    from moisson.reader import Reader

_DIRECTORY = 1 << 20
_NAMES = 4000
_MIMETYPE = re.compile(rb"[\w.+-]{3,64}/[\w.+-]{1,100}")
_EMBEDDED_TYPES = ("application/vnd.", "application/x-", "application/epub", "application/hwp", "image/")


def zip_kind(data: Reader, head: bytes) -> str:
    """The kind of a ZIP archive by its `mimetype` member, its main part or its telling members."""
    if declared := _declared(head):
        return declared
    names = dict(_members(data))
    if not names:
        names = dict.fromkeys(_local_names(head), -1)
    if "[Content_Types].xml" in names and (kind := _part_kind(data, names["[Content_Types].xml"])):
        return kind
    for row in tables()["zipped"]:
        pattern = row["member"]
        if pattern in names or ("*" in pattern and any(fnmatchcase(name, pattern) for name in names)):
            return str(row["type"])
    if len(names) <= 200 and any(name.lower().endswith(".kml") and "/" not in name for name in names):
        return "application/vnd.google-earth.kmz"
    return "application/zip"


def _declared(head: bytes) -> str:
    """The content of a stored first member named `mimetype` (EPUB OCF 3.3, OpenDocument 1.3 part 2)."""
    if len(head) < 38 or head[26:28] != b"\x08\0" or head[30:38] != b"mimetype":
        return ""
    method, size, extra = (int.from_bytes(head[a:b], "little") for a, b in ((8, 10), (18, 22), (28, 30)))
    raw = head[38 + extra : 38 + extra + (size or 100)]
    if method == 8:
        raw = _inflate(raw, 200)
    elif method:
        return ""
    kind = m[0].decode() if (m := _MIMETYPE.match(raw.strip())) else ""
    return kind if kind.startswith(_EMBEDDED_TYPES) else ""


def _members(data: Reader) -> list[tuple[str, int]]:
    """Names and local header offsets out of the central directory (APPNOTE 4.3.12), as many as matter."""
    tail_at = max(0, data.size - 65_557)
    tail = data.pread(tail_at, 65_557)
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        return []
    size, offset = struct.unpack_from("<II", tail, end + 12)
    start = tail_at + end - size
    base = max(0, start - offset) if start >= offset else 0
    directory = data.pread(max(0, min(start, offset + base)), min(size, _DIRECTORY))
    found: list[tuple[str, int]] = []
    at = 0
    while directory[at : at + 4] == b"PK\1\2" and len(directory) >= at + 46 and len(found) < _NAMES:
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        (local,) = struct.unpack_from("<I", directory, at + 42)
        found.append((directory[at + 46 : at + 46 + name].decode("utf-8", "replace"), local + base))
        at += 46 + name + extra + comment
    return found


def _local_names(head: bytes) -> list[str]:
    """Names of the local headers in the first bytes, for an archive that has lost its end."""
    names = []
    for m in re.finditer(rb"PK\x03\x04.{22}", head, re.DOTALL):
        length = int.from_bytes(head[m.start() + 26 : m.start() + 28], "little")
        names.append(head[m.start() + 30 : m.start() + 30 + length].decode("utf-8", "replace"))
    return names


def _part_kind(data: Reader, at: int) -> str:
    if at < 0:
        return ""
    header = data.pread(at, 30)
    if len(header) < 30 or header[:4] != b"PK\3\4":
        return ""
    method, name, extra = (int.from_bytes(header[a:b], "little") for a, b in ((8, 10), (26, 28), (28, 30)))
    raw = data.pread(at + 30 + name + extra, 1 << 16)
    text = (_inflate(raw, 1 << 19) if method == 8 else raw).decode("utf-8", "replace").lower()
    for part, kind in tables()["parts"].items():
        if f'"{part}"' in text or f"'{part}'" in text:
            return str(kind)
    return ""


def _inflate(raw: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(raw, limit)
    except zlib.error:
        return b""


def compound_kind(data: Reader, head: bytes) -> str:
    """The kind of a compound file ([MS-CFB]) by the names in its directory, then by its class identifier."""
    names, clsid = _directory(data, head)
    for row in tables()["compound"]:
        if all(name in names for name in row["all"]):
            return str(row["type"])
    if clsid in tables()["classes"]:
        return str(tables()["classes"][clsid])
    return "application/x-ole-storage"


def _directory(data: Reader, head: bytes) -> tuple[set[str], str]:
    """Names in the directory and the root's class identifier, following at most 256 sectors."""
    names: set[str] = set()
    clsid = ""
    if len(head) < 512:
        return names, clsid
    shift = 12 if head[30:32] == b"\x0c\0" else 9
    (sector,) = struct.unpack_from("<I", head, 48)
    tables_at = struct.unpack_from("<109I", head, 76)
    seen: set[int] = set()
    while sector < 0xFFFFFFFA and sector not in seen and len(seen) < 256:
        seen.add(sector)
        raw = data.pread((sector + 1) << shift, 1 << shift)
        for at in range(0, len(raw) - 127, 128):
            entry = raw[at : at + 128]
            length = min(int.from_bytes(entry[64:66], "little"), 64)
            if entry[66] and length >= 2:
                names.add(entry[: length - 2].decode("utf-16-le", "replace"))
                if entry[66] == 5 and any(entry[80:96]):
                    clsid = _guid(entry[80:96])
        sector = _next(data, sector, tables_at, shift)
    return names, clsid


def _next(data: Reader, sector: int, tables_at: tuple[int, ...], shift: int) -> int:
    index, place = divmod(sector, 1 << (shift - 2))
    if index >= len(tables_at) or tables_at[index] >= 0xFFFFFFFA:
        return 0xFFFFFFFE
    raw = data.pread(((tables_at[index] + 1) << shift) + place * 4, 4)
    return int.from_bytes(raw, "little") if len(raw) == 4 else 0xFFFFFFFE


def _guid(raw: bytes) -> str:
    a, b, c = struct.unpack("<IHH", raw[:8])
    return f"{a:08x}-{b:04x}-{c:04x}-{raw[8:10].hex()}-{raw[10:].hex()}"


def media_kind(head: bytes) -> str:
    """The kind of an ISO base media file by its brands, or "" when its first box is none."""
    box = head[4:8]
    if box in (b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip"):
        following = int.from_bytes(head[:4], "big")
        known = (b"moov", b"mdat", b"wide", b"free", b"ftyp", b"skip", b"udta")
        plain = box in (b"moov", b"mdat", b"pnot") or head[following + 4 : following + 8] in known
        return "video/quicktime" if plain and (following >= 8 or following in (0, 1)) else ""
    if box != b"ftyp":
        return ""
    end = max(16, min(int.from_bytes(head[:4], "big"), 256))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, end, 4))]
    known_brands = tables()["brands"]
    kinds = [known_brands.get(brand.decode("latin-1").strip("\0")) for brand in brands]
    if kinds[0] and kinds[0] not in ("image/heif", "image/heif-sequence"):
        return str(kinds[0])
    pictures = [kind for kind in kinds if kind and kind.startswith("image/")]
    if kinds[0] and pictures:
        return str(next((kind for kind in pictures if not kind.startswith("image/heif")), pictures[0]))
    return "video/mp4"


def riff_kind(head: bytes) -> str:
    """The kind of a RIFF or RIFX file by its form."""
    return str(tables()["riff"].get(head[8:12].decode("latin-1"), ""))


def ogg_kind(head: bytes) -> str:
    """The kind of an Ogg file by the codecs its first pages announce."""
    return "video/ogg" if any(mark in head[:512] for mark in (b"\x80theora", b"BBCD\0", b"\x01video")) else "audio/ogg"


def ebml_kind(head: bytes) -> str:
    """WebM or Matroska by the document type of its header."""
    return "video/webm" if b"webm" in head[:80] else "video/x-matroska"


def program_kind(data: Reader, head: bytes) -> str:
    """Whether a file that begins with MZ has a Windows header, or is for DOS."""
    at = int.from_bytes(head[60:64], "little")
    mark = data.pread(at, 4) if 0 < at < data.size else b""
    if mark == b"PE\0\0" or mark[:2] in (b"NE", b"LE", b"LX"):
        return "application/vnd.microsoft.portable-executable"
    return "application/x-ms-dos-executable" if len(head) >= 28 and b"\0" in head[:28] else ""


def asf_kind(head: bytes) -> str:
    """Sound or picture, by the stream types ASF announces (ASF specification 2.2)."""
    video = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
    return "video/x-ms-asf" if video in head else "audio/x-ms-wma" if len(head) > 1000 else "video/x-ms-asf"

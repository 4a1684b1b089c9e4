"""What lies around the pixels: the segments, chunks and boxes of each picture format."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.extract import boxes
from moisson.extract.exif import characters, clean
from moisson.extract.tiff import Tiff
from moisson.reader import Reader, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEGMENTS, _CHUNKS = 4000, 20_000
_TEXT = 1 << 20
_BLOCK = 8 << 20
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APPENDED = 1024


@dataclass
class Picture:
    """The parts of a picture that a reader cares about; blocks are ranges of the file, or bytes that were packed."""

    width: int = 0
    height: int = 0
    exif: list[Reader] = field(default_factory=list)
    xmp: list[bytes] = field(default_factory=list)
    iptc: list[bytes] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    tail: int = 0
    damage: str = ""


def _range(data: Reader, at: int, size: int) -> Reader:
    return Reader(Window(data.medium, at, min(size, data.size - at)))


def jpeg(data: Reader) -> Picture:
    """Markers up to the first scan (ITU-T T.81 annex B), and what is appended after the last."""
    found, at = Picture(), 2
    extended: list[bytes] = []
    for _ in range(_SEGMENTS):
        head = data.pread(at, 4)
        if len(head) < 4 or head[0] != 0xFF:
            found.damage = "no marker where one should be"
            break
        if head[1] == 0xFF:
            at += 1
            continue
        if head[1] in (0xD8, 0x01) or 0xD0 <= head[1] <= 0xD7:
            at += 2
            continue
        if head[1] in (0xDA, 0xD9):
            break
        size = int.from_bytes(head[2:4], "big")
        _segment(found, data, head[1], at + 4, size - 2, extended)
        at += 2 + max(size, 2)
    if extended:
        found.xmp.append(b"".join(extended)[:_BLOCK])
    found.tail = _after_jpeg(data)
    return found


def _segment(found: Picture, data: Reader, marker: int, at: int, size: int, extended: list[bytes]) -> None:
    if marker in _START_OF_FRAME:
        frame = data.pread(at, 5)
        if len(frame) == 5 and not found.width:
            found.height, found.width = struct.unpack(">HH", frame[1:5])
    elif marker == 0xFE:
        found.texts.append(("jpeg.comment", clean(characters(data.pread(at, min(size, 1 << 16))))))
    elif marker == 0xE1:
        head = data.pread(at, 35)
        if head.startswith(b"Exif\0"):
            found.exif.append(_range(data, at + 6, size - 6))
        elif head.startswith(b"http://ns.adobe.com/xap/1.0/"):
            found.xmp.append(data.pread(at + 28, size - 28))
        elif head == b"http://ns.adobe.com/xmp/extension/\0":
            extended.append(data.pread(at + 75, size - 75))
    elif marker == 0xED and data.pread(at, 14) == b"Photoshop 3.0\0":
        found.iptc += photoshop(data.pread(at + 14, size - 14))


def _after_jpeg(data: Reader) -> int:
    """Where something begins that was appended after the end of the picture, or 0."""
    window = min(data.size, 64 << 20)
    tail = data.pread(data.size - 2, 2)
    if tail == b"\xff\xd9" or data.size > window:
        return 0
    end, at = 0, max(0, data.size - (8 << 20))
    block = data.pread(at, 8 << 20)
    for m in re.finditer(rb"\xff\xd9(?=....ftyp|PK\x03\x04|Rar!|7z\xbc\xaf|%PDF)", block, re.DOTALL):
        end = at + m.end()
        break
    return end if end and data.size - end > _APPENDED else 0


def photoshop(raw: bytes) -> list[bytes]:
    """The IPTC blocks among Photoshop's image resources (Adobe Photoshop file formats specification)."""
    found, at = [], 0
    while raw[at : at + 4] == b"8BIM" and at + 12 <= len(raw):
        name = raw[at + 6] + 1
        start = at + 6 + name + (name & 1)
        size = int.from_bytes(raw[start : start + 4], "big")
        if raw[at + 4 : at + 6] == b"\x04\x04":
            found.append(raw[start + 4 : start + 4 + size])
        at = start + 4 + size + (size & 1)
    return found


def png(data: Reader) -> Picture:
    """Chunks (W3C PNG third edition): header, texts, EXIF."""
    found, at = Picture(), 8
    for _ in range(_CHUNKS):
        head = data.pread(at, 8)
        if len(head) < 8:
            found.damage = "ends before its last chunk"
            break
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IHDR":
            found.width, found.height = _two(data, at + 8, ">II")
        elif kind == b"eXIf":
            found.exif.append(_range(data, at + 8, size))
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            _png_text(found, kind, data.pread(at + 8, min(size, _TEXT)))
        elif kind == b"IEND":
            found.tail = at + 12 if data.size - at - 12 > _APPENDED else 0
            break
        at += 12 + size
    return found


def _two(data: Reader, at: int, form: str) -> tuple[int, int]:
    raw = data.pread(at, struct.calcsize(form))
    return struct.unpack(form, raw) if len(raw) == struct.calcsize(form) else (0, 0)


def _png_text(found: Picture, kind: bytes, raw: bytes) -> None:
    key, _, rest = raw.partition(b"\0")
    name = key.decode("latin-1")
    if kind == b"tEXt":
        value = rest
    elif kind == b"zTXt":
        value = inflate(rest[1:])
    else:
        packed = rest[:1] == b"\1"
        value = rest[2:].split(b"\0", 2)[-1]
        value = inflate(value) if packed else value
    if name == "XML:com.adobe.xmp":
        found.xmp.append(value)
    elif name.startswith("Raw profile type "):
        _profile(found, name[17:], value)
    else:
        found.texts.append((f"png.{name}", clean(characters(value))))


def _profile(found: Picture, name: str, value: bytes) -> None:
    """A block that ImageMagick wrote as hexadecimal digits."""
    digits = b"".join(value.split()[2:])
    try:
        raw = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return
    if name in ("exif", "APP1") and raw.startswith(b"Exif\0\0"):
        found.exif.append(Reader.of(raw[6:]))
    elif name == "iptc":
        found.iptc += photoshop(raw) or [raw]
    elif name == "xmp":
        found.xmp.append(raw)


def inflate(raw: bytes, limit: int = _TEXT) -> bytes:
    """Deflated bytes, at most `limit` of them; what could be read when they are damaged."""
    try:
        return zlib.decompressobj().decompress(raw, limit)
    except zlib.error:
        return b""


def webp(data: Reader) -> Picture:
    """Chunks of the WebP container specification."""
    found, at = Picture(), 12
    for _ in range(_CHUNKS):
        head = data.pread(at, 8)
        if len(head) < 8:
            break
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        body = data.pread(at + 8, 16)
        if kind == b"VP8X" and len(body) >= 10:
            found.width = int.from_bytes(body[4:7], "little") + 1
            found.height = int.from_bytes(body[7:10], "little") + 1
        elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and not found.width:
            found.width, found.height = (n & 0x3FFF for n in struct.unpack("<HH", body[6:10]))
        elif kind == b"VP8L" and body[:1] == b"\x2f" and not found.width:
            bits = int.from_bytes(body[1:5], "little")
            found.width, found.height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            skip = 6 if body.startswith(b"Exif\0\0") else 0
            found.exif.append(_range(data, at + 8 + skip, size - skip))
        elif kind == b"XMP ":
            found.xmp.append(data.pread(at + 8, min(size, _BLOCK)))
        at += 8 + size + (size & 1)
    return found


def gif(data: Reader) -> Picture:
    """Blocks of GIF89a: comments and XMP."""
    found = Picture()
    found.width, found.height = _two(data, 6, "<HH")
    flags = data.pread(10, 1) or b"\0"
    at = 13 + (3 << (flags[0] & 7) + 1 if flags[0] & 0x80 else 0)
    for _ in range(_CHUNKS):
        mark = data.pread(at, 2)
        if mark[:1] == b"\x21":
            kind, at = mark[1:], at + 2
            parts, at = _blocks(data, at, keep=kind in (b"\xfe", b"\xff"))
            if kind == b"\xfe":
                found.texts.append(("gif.comment", clean(characters(b"".join(parts)))))
            elif kind == b"\xff" and parts[:1] == [b"XMP DataXMP"]:
                found.xmp.append(_gif_xmp(parts))
        elif mark[:1] == b"\x2c":
            packed = data.pread(at + 9, 1) or b"\0"
            at += 11 + (3 << (packed[0] & 7) + 1 if packed[0] & 0x80 else 0)
            _, at = _blocks(data, at, keep=False)
        else:
            break
    return found


def _blocks(data: Reader, at: int, *, keep: bool) -> tuple[list[bytes], int]:
    parts: list[bytes] = []
    for _ in range(200_000):
        size = (data.pread(at, 1) or b"\0")[0]
        if not size:
            break
        if keep and len(parts) < _CHUNKS:
            parts.append(data.pread(at + 1, size))
        at += 1 + size
    return parts, at + 1


def _gif_xmp(parts: list[bytes]) -> bytes:
    """XMP in GIF is written through: the length bytes are its characters, a trailer of 258 bytes follows."""
    raw = b"".join(bytes([len(part)]) + part for part in parts[1:])
    end = raw.rfind(b"?>")
    return raw[: end + 2] if end > 0 else raw


def bmp(data: Reader) -> Picture:
    """The header of a bitmap."""
    found = Picture()
    if int.from_bytes(data.pread(14, 4), "little") == 12:
        found.width, found.height = _two(data, 18, "<HH")
    else:
        width, height = _two(data, 18, "<ii")
        found.width, found.height = abs(width), abs(height)
    return found


def tiff(data: Reader) -> Picture:
    """The directories of a TIFF or a raw file made like one; the largest picture counts."""
    found = Picture(exif=[data])
    structure = Tiff(data)
    try:
        for fields in structure.chain():
            width, height = structure.number(fields, 0x100), structure.number(fields, 0x101)
            if width * height > found.width * found.height:
                found.width, found.height = width, height
            if 0x2BC in fields:
                found.xmp.append(structure.raw(fields[0x2BC]))
            if 0x83BB in fields:
                found.iptc.append(structure.raw(fields[0x83BB]))
            elif 0x8649 in fields:
                found.iptc += photoshop(structure.raw(fields[0x8649]))
    except DamagedError as error:
        found.damage = str(error)
    return found


def heif(data: Reader) -> Picture:
    """The items of a HEIF or AVIF file (ISO/IEC 23008-12)."""
    found = Picture()
    meta = next((b for b in boxes.boxes(data) if b.kind == b"meta"), None)
    if meta is None:
        found.damage = "no box of items"
        return found
    found.width, found.height = _extent(data, meta)
    places = _places(data, meta)
    for number, kind in _items(data, meta):
        at, size = places.get(number, (0, 0))
        if not at or size > _BLOCK:
            continue
        if kind == b"Exif":
            skip = int.from_bytes(data.pread(at, 4), "big") + 4
            found.exif.append(_range(data, at + skip, size - skip))
        elif kind == b"mime" and b"<" in data.pread(at, 16):
            found.xmp.append(data.pread(at, size))
    return found


def _extent(data: Reader, meta: boxes.Box) -> tuple[int, int]:
    """The size of the picture: that of the largest item, cropped where a clean aperture says so."""
    properties = boxes.inside(data, meta, b"iprp", b"ipco")
    best = (0, 0)
    if properties:
        for box in boxes.boxes(data, properties.at, properties.end):
            if box.kind == b"ispe":
                size = _two(data, box.at + 4, ">II")
                best = max(best, size, key=lambda s: s[0] * s[1])
    return best


def _items(data: Reader, meta: boxes.Box) -> Iterator[tuple[int, bytes]]:
    table = boxes.inside(data, meta, b"iinf")
    if table is None:
        return
    wide = (data.pread(table.at, 1) or b"\0")[0] > 0
    for box in boxes.boxes(data, table.at + (8 if wide else 6), table.end):
        raw = boxes.read(data, box, 64)
        if box.kind == b"infe" and len(raw) >= 12 and raw[0] >= 2:
            width = 2 if raw[0] == 2 else 4
            yield int.from_bytes(raw[4 : 4 + width], "big"), raw[6 + width : 10 + width]


def _places(data: Reader, meta: boxes.Box) -> dict[int, tuple[int, int]]:
    """Where the first extent of each item lies (ISO/IEC 14496-12 8.11.3)."""
    table = boxes.inside(data, meta, b"iloc")
    raw = boxes.read(data, table) if table else b""
    if len(raw) < 8:
        return {}
    version, offset, length, base, index = raw[0], raw[4] >> 4, raw[4] & 15, raw[5] >> 4, raw[5] & 15
    wide = 4 if version == 2 else 2
    at, found = 6, {}

    def take(n: int) -> int:
        nonlocal at
        at += n
        return int.from_bytes(raw[at - n : at], "big")

    for _ in range(take(wide)):
        number = take(wide)
        method = take(2) & 15 if version else 0
        take(2)
        start = take(base)
        for extent in range(take(2)):
            take(index if version else 0)
            place, size = start + take(offset), take(length)
            if not extent and method == 0:
                found[number] = (place, size)
        if at >= len(raw):
            break
    return found


def bpg(data: Reader) -> Picture:
    """The header and the extensions of a BPG picture (BPG specification 0.9.8)."""
    raw = data.head(1 << 16)
    found, at = Picture(), 6

    def number() -> int:
        nonlocal at
        value = 0
        for _ in range(5):
            byte = raw[at] if at < len(raw) else 0
            at += 1
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        return value

    found.width, found.height = number(), number()
    number()
    if len(raw) > 5 and raw[5] & 8:
        end = number() + at
        while at < min(end, len(raw)):
            tag, size = number(), number()
            if tag == 1:
                skip = 1 if raw[at : at + 1] not in (b"I", b"M") else 0
                found.exif.append(_range(data, at + skip, size - skip))
            elif tag == 3:
                found.xmp.append(raw[at : at + size])
            at += size
    return found

"""Pictures, sound and film that declare more than they hold, or point at themselves."""

from __future__ import annotations

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, more: bytes = b"") -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + more + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _ifd(entries: list[tuple[int, int, int, int]], after: int) -> bytes:
    rows = b"".join(struct.pack("<HHII", *e) for e in entries)
    return struct.pack("<H", len(entries)) + rows + struct.pack("<I", after)


def _box(kind: bytes, data: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(data) + 8 if size is None else size) + kind + data


def stills() -> dict[str, bytes]:
    rows = zlib.compress(bytes(60000 // 8 + 1) * 6000, 9)
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9))
    tiff = b"II*\0\x08\0\0\0"
    loop = tiff + _ifd([(0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0x14A, 4, 1, 8)], 8)
    long = tiff + _ifd([(0x10F, 2, 0xFFFFFFFF, 8), (0x110, 5, 0x1FFFFFFF, 0), (0x100, 4, 1, 4_000_000_000)], 0)
    exif = b"\xff\xe1" + struct.pack(">H", len(loop) + 8) + b"Exif\0\0" + loop
    sof = b"\xff\xc0\0\x11\x08\xff\xff\xff\xff\3\1\x22\0\2\x11\1\3\x11\1"
    screen = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\2\2\x4c\1\0"
    return {
        "huge.png": png(60000, 60000, rows),
        "larger.png": png(0x7FFFFFFF, 0x7FFFFFFF, zlib.compress(bytes(9))),
        "text.png": png(8, 1, zlib.compress(b"\0\0"), text),
        "length.png": b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffIHDR" + bytes(40),
        "texts.png": png(8, 1, zlib.compress(b"\0\0"), _chunk(b"tEXt", b"a\0b") * 50_000),
        "loop.tif": loop,
        "long.tif": long,
        "pages.tif": tiff + b"".join(_ifd([(0x100, 4, 1, 1)], 8 + 18 * (n + 1)) for n in range(20_000)),
        "loop.jpg": b"\xff\xd8" + exif + sof + b"\xff\xd9",
        "size.jpg": b"\xff\xd8" + sof + b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0" + bytes(2000) + b"\xff\xd9",
        "markers.jpg": b"\xff\xd8" + b"\xff\xe1\0\2" * 60_000 + b"\xff\xd9",
        "fill.jpg": b"\xff\xd8" + b"\xff" * 500_000,
        "frames.gif": screen + frame * 20_000 + b";",
        "endless.gif": screen + b"!\xfe" + (b"\xff" + b"a" * 255) * 2_000,
        "huge.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 0x7FFFFFFF, -0x7FFFFFFF, 1, 32, 0, 0, 0, 0, 0, 0),
        "many.ico": b"\0\0\1\0\xff\xff" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, 0xFFFFFFFF, 6) * 500,
        "huge.psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 56, 300_000, 300_000, 32, 3) + b"\xff" * 100,
        "huge.webp": b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6 + b"EXIF\xff\xff\xff\x7f",
        "huge.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + _box(b"jp2h", _box(b"ihdr", b"\xff" * 14)),
        "huge.emf": struct.pack("<II", 1, 0xFFFFFFFF) + b"\xff" * 32 + b" EMF" + b"\xff" * 60,
        "loop.wmf": b"\xd7\xcd\xc6\x9a" + bytes(18) + b"\1\0\x09\0\0\3" + bytes(12) + struct.pack("<IH", 0, 0xA32) * 5_000,
    }  # fmt: skip


def films() -> dict[str, bytes]:
    kind = _box(b"ftyp", b"isom\0\0\0\0isom")
    moov = b""
    for _ in range(2_000):
        moov = _box(b"moov", moov)
    heic = _box(b"ftyp", b"heic\0\0\0\0mif1heic")
    places = _box(b"iloc", b"\0\0\0\0\x44\0\xff\xff" + b"\xff" * 400)
    return {
        "nested.mp4": kind + moov,
        "zero.mp4": kind + _box(b"moov", b"", 0) + bytes(100),
        "large.mp4": kind + struct.pack(">I4sQ", 1, b"moov", 1 << 63) + bytes(100),
        "small.mp4": kind + _box(b"moov", _box(b"udta", b"", 1) * 1000),
        "years.mp4": kind + _box(b"moov", _box(b"mvhd", bytes(12) + b"\0\0\0\1" + b"\xff" * 80)),
        "places.heic": heic + _box(b"meta", bytes(4) + places + _box(b"iinf", b"\0\0\0\0\xff\xff")),
        "cut.heic": heic + _box(b"meta", bytes(8), 1 << 31),
        "years.wav": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\1\0\0\0\1\0\0\0\1\0\x08\0data\xff\xff\xff\xff" + bytes(50),
        "rate.wav": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0data\xff\xff\xff\xff" + bytes(50),
        "tag.mp3": b"ID3\4\0\0\x7f\x7f\x7f\x7fTIT2\x7f\x7f\x7f\x7f\0\0" + bytes(100),
        "frames.mp3": b"\xff\xfb\x90\0" * 20_000,
        "comments.ogg": b"OggS\0\2" + bytes(20) + b"\1\x1e\1vorbis" + bytes(23) + b"OggS" + bytes(22) + b"\1\xff\3vorbis" + b"\xff" * 250,
        "loop.flac": b"fLaC" + b"\4\xff\xff\xff" + b"\xff" * 50,
        "loop.avi": b"RIFF\xff\xff\xff\xffAVI " + b"LIST\0\0\0\0hdrl" * 5_000,
        "loop.mkv": b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + b"\x15\x49\xa9\x66\x80" * 2_000,
        "table.ttf": b"\0\1\0\0\xff\xff" + b"\xff" * 300,
    }  # fmt: skip


def build() -> dict[str, bytes]:
    """Every picture, sound and film."""
    return {**stills(), **films()}

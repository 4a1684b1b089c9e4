"""Packed files that promise, or are, far more than they weigh."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from functools import cache

import zstandard

MIB = 1 << 20


@cache
def zeros(mebibytes: int) -> tuple[bytes, int]:
    """Zeros as raw deflate, a kilobyte for each MiB, and their CRC; the blocks are joined, not compressed at length."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = squeeze.compress(bytes(MIB)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    crc, empty = 0, bytes(MIB)
    for _ in range(mebibytes):
        crc = zlib.crc32(empty, crc)
    return block * mebibytes + b"\3\0", crc


def archive(members: list[tuple[bytes, bytes, int, int]], offsets: dict[int, int] | None = None) -> bytes:
    """A ZIP of (raw name, raw deflate, size declared, CRC); `offsets` lets an entry point at another's bytes."""
    out, directory = bytearray(), bytearray()
    for n, (name, packed, size, crc) in enumerate(members):
        at = (offsets or {}).get(n, len(out))
        fields = (20, 0, 8, 0, crc, len(packed), size, len(name), 0)
        if at == len(out):
            out += struct.pack("<4sHHHIIIIHH", b"PK\3\4", *fields) + name + packed
        directory += struct.pack("<4sHHHHIIIIHHHHHII", b"PK\1\2", 20, *fields, 0, 0, 0, 0, at) + name
    count = min(len(members), 0xFFFF)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(out), 0)
    return bytes(out + directory + end)


def flat(mebibytes: int, declared: int | None = None) -> bytes:
    """One member of zeros, with its true size or another."""
    packed, crc = zeros(mebibytes)
    return archive([(b"zeros.bin", packed, mebibytes * MIB if declared is None else declared, crc)])


def overlapping(count: int, mebibytes: int) -> bytes:
    """Many entries on one and the same stream."""
    packed, crc = zeros(mebibytes)
    members = [(b"%05d.bin" % n, packed, mebibytes * MIB, crc) for n in range(count)]
    return archive(members, dict.fromkeys(range(1, count), 0))


def nested(levels: int, width: int, mebibytes: int) -> bytes:
    """Archives of archives: `width` to the power of `levels` times the zeros."""
    inner = flat(mebibytes)
    for level in range(levels):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            for n in range(width):
                made.writestr(zipfile.ZipInfo(f"{level}-{n}.zip"), inner, zipfile.ZIP_DEFLATED)
        inner = buffer.getvalue()
    return inner


def deep(levels: int) -> bytes:
    """One archive in another, far deeper than anybody packs."""
    inner = b"the bottom: +33 6 12 34 56 78"
    for n in range(levels):
        inner = archive([(b"%d.zip" % n, *_deflated(inner))])
    return inner


def _deflated(data: bytes) -> tuple[bytes, int, int]:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush(), len(data), zlib.crc32(data)


def gzips(levels: int) -> bytes:
    """Gzip in gzip."""
    data = b"the bottom"
    for _ in range(levels):
        data = gzip.compress(data, 9, mtime=0)
    return data


def gzip_zeros(mebibytes: int) -> bytes:
    """A gzip file of zeros."""
    packed, crc = zeros(mebibytes)
    return b"\x1f\x8b\x08\0\0\0\0\0\2\3" + packed + struct.pack("<II", crc, mebibytes * MIB & 0xFFFFFFFF)


def odd_names() -> bytes:
    """A ZIP whose names are absolute, climb, lie, repeat, or are no text."""
    names = [
        *(
            b"../../../../etc/passwd",
            b"/etc/shadow",
            b"C:\\Windows\\win.ini",
            b"..\\..\\x.txt",
            b"con.txt:ads",
            b"",
            b"-",
        ),
        *(b"a\0b.txt", b"a\nb.txt", "photo\u202egpj.exe".encode(), b"\xff\xfe\xfd.txt", b"n" * 60000, b"x", b"x", b"x"),
        *(
            b"a/" * 2000 + b"f.txt",
            "\u200b\u200d.txt".encode(),
            b"%2F%00.txt",
            b"#2",
            b"x#2",
            b"\xed\xa0\x80.txt",
            b"d/",
        ),
    ]
    return archive([(name, *_deflated(b"call +33 6 12 34 56 78\n")) for name in names])


def members(count: int) -> bytes:
    """A ZIP of as many tiny members."""
    return archive([(b"%06d.txt" % n, b"\3\0", 0, 0) for n in range(count)])


def tars() -> dict[str, bytes]:
    """Tar archives that lie about sizes, link to themselves, or go on without end."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, kind, link in (("a", tarfile.SYMTYPE, "b"), ("b", tarfile.SYMTYPE, "a"), ("c", tarfile.LNKTYPE, "c")):
            row = tarfile.TarInfo(name)
            row.type, row.linkname = kind, link
            made.addfile(row)
        for name in ("../../up.txt", "/root/x", "\udcff.txt", "long/" * 900 + "x"):
            row = tarfile.TarInfo(name)
            row.size = 4
            made.addfile(row, io.BytesIO(b"data"))
    good = buffer.getvalue()
    huge = bytearray(good)
    at = good.index(b"data") - 512
    huge[at + 124 : at + 136] = b"\x80" + (1 << 62).to_bytes(11, "big")
    sparse = tarfile.TarInfo("sparse").tobuf(tarfile.GNU_FORMAT)
    sparse = sparse[:156] + b"S" + sparse[157:]
    return {
        "links.tar": good,
        "huge.tar": bytes(huge),
        "negative.tar": good[:124] + b"\xff" * 12 + good[136:],
        "cut.tar": good[: at + 700],
        "sparse.tar": sparse * 40,
        "many.tar": (tarfile.TarInfo("x").tobuf() * 1000) + bytes(1024),
    }


def build(weight: int) -> dict[str, bytes]:
    """Every packed bomb; a larger `weight` makes them larger and their members more."""
    found = {
        "flat.zip": flat(300 * weight),
        "liar.zip": flat(64 * weight, declared=10),
        "over-1g.zip": flat(1100) if weight > 1 else flat(64, declared=0xFFFFFFF0),
        "overlapping.zip": overlapping(300 * weight, 16),
        "nested.zip": nested(4, 8, 64),
        "deep.zip": deep(60),
        "names.zip": odd_names(),
        "members.zip": members(600 if weight == 1 else 130_000),
        "zeros.gz": gzip_zeros(400 * weight),
        "deep.gz": gzips(40),
        "zeros.bz2": bz2.compress(bytes(32 * MIB)) * (4 * weight),
        "zeros.xz": lzma.compress(bytes(32 * MIB)) * (10 * weight),
        "zeros.zst": zstandard.ZstdCompressor(level=1).compress(bytes(32 * MIB)) * (12 * weight),
        "dictionary.xz": _dictionary(),
        "window.zst": b"\x28\xb5\x2f\xfd\x04\xf8" + b"\x02\0\0" + bytes(40),
        "cut.zip": flat(2)[:1500],
        "end-only.zip": b"PK\5\6" + b"\xff" * 18,
        "zip64.zip": flat(1)[:-22]
        + b"PK\6\6"
        + b"\xff" * 52
        + b"PK\6\7"
        + bytes(4)
        + b"\xff" * 12
        + b"PK\5\6"
        + b"\xff" * 16
        + b"\0\0",
        "loop.7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(4) + struct.pack("<QQI", 0, 32, 0) + b"\x17\6" * 20,
        "empty.rar": b"Rar!\x1a\7\1\0" + b"\xff" * 400,
        "old.rar": b"Rar!\x1a\7\0" + b"\x90\x73\0\0\x0d\0\0\0\0\0\0\0" * 50,
    }
    return found | tars()


def _dictionary() -> bytes:
    """An .lzma file that asks for a dictionary of 4 GiB."""
    return b"\x5d\xff\xff\xff\xff" + b"\xff" * 8 + bytes(64)

"""Small whole files of every family, made on the spot."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import struct
import tarfile
import wave
import zipfile
import zlib
from functools import cache

import zstandard
from PIL import Image

from moisson.carve.hivelog import marvin32


def picture(kind: str, seed: int = 1, size: tuple[int, int] = (160, 120), **how: object) -> bytes:
    rng = random.Random(seed)
    image = Image.frombytes("RGB", size, rng.randbytes(size[0] * size[1] * 3)).resize((size[0] * 2, size[1] * 2))
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def zipped(seed: int = 1, members: int = 4) -> bytes:
    rng, out = random.Random(seed), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(members):
            archive.writestr(zipfile.ZipInfo(f"member{i}.txt"), rng.randbytes(3000) + b"words " * 900)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("a.txt", b"one " * 300), ("b.bin", bytes(range(256)) * 9)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def database(rows: int = 900) -> bytes:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("PRAGMA page_size=1024")
    db.execute("CREATE TABLE message(id INTEGER PRIMARY KEY, who TEXT, body TEXT)")
    db.execute("CREATE INDEX by_who ON message(who)")
    for i in range(rows):
        db.execute("INSERT INTO message(who, body) VALUES (?, ?)", (f"person{i % 9}", f"letter number {i} of the box"))
    return bytes(db.serialize())


def pdf(version: str = "1.4") -> bytes:
    out, places = [f"%PDF-{version}\n%\xe2\xe3\n".encode("latin-1")], []
    bodies = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]
    for i in range(6):
        raw = zlib.compress(random.Random(i).randbytes(1500))
        bodies.append(b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(raw), raw))
    for number, body in enumerate(bodies, 1):
        places.append(sum(map(len, out)))
        out.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    start = sum(map(len, out))
    out.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
    out += [b"%010d 00000 n \n" % place for place in places]
    out.append(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, start))
    return b"".join(out)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def film(samples: int = 20) -> bytes:
    rng = random.Random(5)
    units = [
        struct.pack(">IB", n, 0x65) + rng.randbytes(n - 1) for n in (rng.randint(300, 900) for _ in range(samples))
    ]
    start = box(b"ftyp", b"isom\0\0\2\0isomavc1")
    places, at = [], len(start) + 8
    for unit in units:
        places.append(at)
        at += len(unit)
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(b"avc1", bytes(78))),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stsz", struct.pack(">III", 0, 0, samples), *(struct.pack(">I", len(u)) for u in units)),
        box(b"stco", struct.pack(">II", 0, samples), *(struct.pack(">I", p) for p in places)),
    )
    tracks = box(b"trak", box(b"mdia", box(b"minf", table)))
    return start + box(b"mdat", *units) + box(b"moov", box(b"mvhd", bytes(100)), tracks)


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(random.Random(4).randbytes(6000))
    return out.getvalue()


def ogg() -> bytes:
    rng, pages = random.Random(3), []
    for number in range(6):
        body = b"OpusHead" + bytes(11) if number == 0 else rng.randbytes(500)
        flags = 2 if number == 0 else 4 if number == 5 else 0
        segments = [255] * (len(body) // 255) + [len(body) % 255]
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, number * 960, 77, number, 0, len(segments))
        pages.append(head + bytes(segments) + body)
    return b"".join(pages)


def seven() -> bytes:
    packed, header = random.Random(2).randbytes(5000), b"\x01\x04\x06\x00\x01\x09" + bytes(30)
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def rar() -> bytes:
    def block(kind: int, flags: int, rest: bytes, data: bytes = b"") -> bytes:
        body = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body + data

    data = random.Random(8).randbytes(4000)
    rest = struct.pack("<IIBIIBBHI", len(data), len(data), 2, 0, 0, 29, 0x30, 5, 32) + b"a.bin"
    return b"Rar!\x1a\x07\0" + block(0x73, 0, bytes(6)) + block(0x74, 0x8000, rest, data) + block(0x7B, 0x4000, b"")


def evtx(chunks: int = 2) -> bytes:
    head = b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, chunks - 1, 9, 128, 1, 3, 4096, chunks)
    head = head.ljust(120, b"\0")
    out = head + struct.pack("<II", 0, zlib.crc32(head)) + bytes(4096 - 128)
    for number in range(chunks):
        records = random.Random(number).randbytes(3000)
        part = b"ElfChnk\0" + struct.pack("<QQQQIII", 1, 9, 1, 9, 128, 512, 512 + len(records))
        part += struct.pack("<I", zlib.crc32(records))
        part = part.ljust(120, b"\0") + bytes(4)
        table = bytes(384)
        out += (part + struct.pack("<I", zlib.crc32(part[:120] + table)) + table + records).ljust(65536, b"\0")
    return out


def hive_log(entries: int = 3) -> bytes:
    head = bytearray(hive()[:512])
    head[28] = 6
    total = 0
    for (word,) in struct.iter_unpack("<I", head[:508]):
        total ^= word
    out = bytes(head[:508]) + struct.pack("<I", total)
    for number in range(entries):
        pages = random.Random(number).randbytes(4096)
        entry = b"HvLE" + struct.pack("<IIIII", 5120, 0, number + 1, 4096, 1) + random.Random(9).randbytes(8)
        out += (entry + marvin32(entry) + struct.pack("<II", 0, 4096) + pages).ljust(5120, b"\0")
    return out


def hive(bins: int = 6) -> bytes:
    rng, body = random.Random(6), b""
    for number in range(bins):
        cells, left = b"", 4096 - 32
        while left:
            size = min(left, rng.randrange(16, 400, 8)) if left > 400 else left
            cells += struct.pack("<i", -size) + rng.randbytes(size - 4)
            left -= size
        body += b"hbin" + struct.pack("<II", number * 4096, 4096).ljust(28, b"\0") + cells
    head = b"regf" + struct.pack("<IIQIIIII", 1, 1, 0, 1, 3, 0, 1, 32) + struct.pack("<II", len(body), 1)
    head = head.ljust(508, b"\0")
    total = 0
    for (word,) in struct.iter_unpack("<I", head):
        total ^= word
    return (head + struct.pack("<I", total)).ljust(4096, b"\0") + body


def shortcut() -> bytes:
    head = bytes.fromhex("4c0000000114020000000000c000000000000046") + struct.pack("<I", 0x84)
    name = "Letters".encode("utf-16-le")
    extra = struct.pack("<II", 12, 0xA0000005) + b"abcd"
    return head.ljust(76, b"\0") + struct.pack("<H", 7) + name + extra + bytes(4)


def plist() -> bytes:
    import plistlib

    return plistlib.dumps({"name": "box", "rows": list(range(50))}, fmt=plistlib.FMT_BINARY)


def matroska() -> bytes:
    def element(mark: str, body: bytes) -> bytes:
        return bytes.fromhex(mark) + struct.pack(">Q", 1 << 56 | len(body)) + body

    head = element("1a45dfa3", bytes.fromhex("4282") + b"\x88matroska")
    parts = element("1549a966", bytes(40)) + element("1f43b675", random.Random(1).randbytes(900))
    return head + element("18538067", parts)


def media() -> bytes:
    """A Windows Media file: header, data and simple index."""
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<QI", 30 + 60, 1) + b"\1\2" + bytes(60)
    body = random.Random(2).randbytes(5000)
    data = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c") + struct.pack("<Q", 24 + len(body)) + body
    return header + data + bytes.fromhex("90080033b1e5cf1189f400a0c90349cb") + struct.pack("<Q", 24 + 40) + bytes(40)


def video() -> bytes:
    """An AVI with two lists and an index."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)

    lists = chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)))
    lists += chunk(b"LIST", b"movi" + chunk(b"00dc", random.Random(1).randbytes(4000)))
    return chunk(b"RIFF", b"AVI " + lists + chunk(b"idx1", bytes(16)))


def mp3() -> bytes:
    rng = random.Random(9)
    return b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + b"".join(b"\xff\xfb\x90\0" + rng.randbytes(413) for _ in range(20))


def flac(frames: int = 30) -> bytes:
    """Mono of 8 bits in frames of 192 samples, all but the last as they are, the last as one value."""
    from moisson.carve.flac import crc16

    told = struct.pack(">HH", 192, 192) + bytes(6) + (44100 << 44 | 7 << 36 | frames * 192).to_bytes(8, "big")
    out = b"fLaC\x80\0\0\x22" + told + bytes(16)
    for number in range(frames):
        head = b"\xff\xf8\x19\x02" + bytes((number,))
        total = 0
        for byte in head:
            total ^= byte
            for _ in range(8):
                total = (total << 1 ^ 7 if total & 128 else total << 1) & 255
        last = number == frames - 1
        body = head + bytes((total, 0 if last else 2)) + random.Random(number).randbytes(1 if last else 192)
        out += body + crc16([body])[0].to_bytes(2, "big")
    return out


def layers() -> bytes:
    """A Photoshop picture of three channels, its rows packed."""
    rows = [random.Random(n).randbytes(random.Random(n).randrange(20, 60)) for n in range(3 * 40)]
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHHI", 3, 40, 50, 8, 3, 0)
    resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", 5) + b"hello\0"
    head += struct.pack(">I", len(resources)) + resources + struct.pack(">I", 6) + b"layers"
    return head + b"\0\1" + b"".join(struct.pack(">H", len(row)) for row in rows) + b"".join(rows)


def elf() -> bytes:
    """A program of two sections and the names of both."""
    body, names = random.Random(3).randbytes(3000), b"\0.text\0.shstrtab\0"
    table = 64 + len(body) + len(names)
    rows = [(0,) * 10, (1, 1, 6, 0, 64, len(body), 0, 0, 16, 0), (7, 3, 0, 0, 64 + len(body), len(names), 0, 0, 1, 0)]
    head = b"\x7fELF\2\1\1".ljust(16, b"\0")
    head += struct.pack("<HHIQQQI6H", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    return head + body + names + b"".join(struct.pack("<IIQQQQIIQQ", *row) for row in rows)


def program(summed: bool = True, more: bytes = b"") -> bytes:
    """A program of Windows of one section, with its sum."""
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    extra = bytearray(240)
    struct.pack_into("<H", extra, 0, 0x20B)
    struct.pack_into("<II", extra, 32, 4096, 512)
    head += extra + b".text\0\0\0" + struct.pack("<IIII", 1000, 4096, 1024, 512) + bytes(16)
    data = head.ljust(512, b"\0") + random.Random(5).randbytes(1024) + more
    if not summed:
        return data
    total = sum(struct.unpack(f"<{len(data) // 2}H", data))
    total = (total - 1) % 0xFFFF + 1 + len(data)
    return data[:152] + struct.pack("<I", total) + data[156:]


@cache
def files() -> dict[str, tuple[str, bytes]]:
    """Name: the type it is to be carved as, and its bytes."""
    text = "La lettre est arrivée; رسالة من الشارع. Number 17.\n"
    mail = (
        "Received: from a.example\nFrom: a@example.org\nTo: b@example.org\nSubject: box\nDate: Mon, 1 Jan 2024\n\nHi.\n"
    )
    amr = b"#!AMR\n" + b"".join(b"\x3c" + random.Random(i).randbytes(31) for i in range(40))
    return {
        "jpeg": ("image/jpeg", picture("JPEG", quality=85)),
        "progressive": ("image/jpeg", picture("JPEG", quality=80, progressive=True)),
        "png": ("image/png", picture("PNG")),
        "gif": ("image/gif", picture("GIF")),
        "bmp": ("image/bmp", picture("BMP")),
        "tiff": ("image/tiff", picture("TIFF")),
        "webp": ("image/webp", picture("WEBP")),
        "pdf": ("application/pdf", pdf()),
        "zip": ("application/zip", zipped()),
        "tar": ("application/x-tar", tarred()),
        "gzip": ("application/gzip", gzip.compress(random.Random(1).randbytes(9000) + b"words " * 2000, mtime=0)),
        "bzip2": ("application/x-bzip2", bz2.compress(random.Random(1).randbytes(9000))),
        "xz": ("application/x-xz", lzma.compress(random.Random(1).randbytes(9000))),
        "zstd": ("application/zstd", zstandard.compress(random.Random(1).randbytes(9000))),
        "7z": ("application/x-7z-compressed", seven()),
        "rar": ("application/vnd.rar", rar()),
        "sqlite": ("application/vnd.sqlite3", database()),
        "film": ("video/mp4", film()),
        "asf": ("video/x-ms-asf", media()),
        "avi": ("video/x-msvideo", video()),
        "wav": ("audio/x-wav", sound()),
        "mp3": ("audio/mpeg", mp3()),
        "amr": ("audio/amr", amr),
        "ogg": ("audio/ogg", ogg()),
        "matroska": ("video/x-matroska", matroska()),
        "flac": ("audio/flac", flac()),
        "psd": ("image/vnd.adobe.photoshop", layers()),
        "elf": ("application/x-executable", elf()),
        "pe": ("application/vnd.microsoft.portable-executable", program()),
        "evtx": ("application/x-ms-evtx", evtx()),
        "hive": ("application/x-ms-regf", hive()),
        "hive log": ("application/x-ms-regf-log", hive_log()),
        "lnk": ("application/x-ms-shortcut", shortcut()),
        "plist": ("application/x-plist-binary", plist()),
        "rtf": ("application/rtf", rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}Letter \{17\}\par" + b" word" * 200 + b"}\r\n"),
        "vcard": ("text/vcard", b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Box\r\nTEL:+33612345678\r\nEND:VCARD\r\n" * 5),
        "utf8": ("text/plain", text.encode() * 40),
        "utf16": ("text/plain", ("\ufeff" + text * 30).encode("utf-16-le")),
        "cp1256": ("text/plain", ("رسالة من الشارع رقم 17 إلى المدينة\r\n" * 30).encode("cp1256")),
        "latin1": ("text/plain", ("La lettre est arrivée à l'école, près du théâtre.\r\n" * 30).encode("latin-1")),
        "mail": ("message/rfc822", mail.encode()),
        "html": ("text/html", b"<!DOCTYPE html><html><body>" + b"<p>A letter.</p>" * 50 + b"</body></html>\n"),
        "json": ("application/json", b'{"rows": [' + b", ".join(b'{"n": %d}' % i for i in range(99)) + b"]}"),
    }

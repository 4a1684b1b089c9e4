"""An image without a file system, made of specimens: left whole, in two pieces, around pointer blocks, or cut off."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import wave
import zipfile
import zlib
from bz2 import compress as bzip2
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from PIL import Image

from moisson.identify.kind import identify
from moisson.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = 4096
FORMATS = {
    "jpeg": ("image/jpeg",),
    "png": ("image/png",),
    "gif": ("image/gif",),
    "tiff": ("image/tiff",),
    "bmp": ("image/bmp",),
    "webp": ("image/webp",),
    "heic": ("image/heic", "image/heif"),
    "mp4, mov, 3gp": ("video/mp4", "audio/mp4", "video/quicktime", "video/3gpp"),
    "pdf": ("application/pdf",),
    "zip family": (
        "application/zip",
        "application/epub+zip",
        "application/vnd.android.package-archive",
        "ooxml",
        "odf",
    ),
    "compound": ("application/msword", "application/vnd.ms-", "application/x-ole-storage", "application/vnd.visio"),
    "rtf": ("application/rtf",),
    "rar": ("application/vnd.rar",),
    "7z": ("application/x-7z-compressed",),
    "gzip": ("application/gzip",),
    "bzip2, xz": ("application/x-bzip2", "application/x-xz"),
    "tar": ("application/x-tar",),
    "sqlite": ("application/vnd.sqlite3",),
    "wal": ("application/x-sqlite-wal",),
    "mail": ("message/rfc822", "application/mbox"),
    "vcard, ics": ("text/vcard", "text/calendar"),
    "html, xml": ("text/html", "application/xml", "application/xhtml+xml", "image/svg+xml", "application/x-plist"),
    "json, csv": ("application/json", "text/csv", "text/tab-separated-values"),
    "text": ("text/plain",),
    "evtx": ("application/x-ms-evtx",),
    "regf": ("application/x-ms-regf", "application/x-ms-regf-log"),
    "lnk": ("application/x-ms-shortcut",),
    "plist": ("application/x-plist-binary",),
    "pst": ("application/vnd.ms-outlook-pst",),
    "wav, avi": ("audio/x-wav", "video/x-msvideo"),
    "mp3": ("audio/mpeg",),
    "amr, ogg": ("audio/amr", "audio/ogg"),
    "flac": ("audio/flac",),
    "psd": ("image/vnd.adobe.photoshop",),
    "elf, pe": ("application/x-executable", "application/vnd.microsoft.portable-executable"),
}
_COMPOUND = (
    "application/vnd.ms-tnef",
    "application/vnd.ms-outlook-pst",
    "application/vnd.ms-cab-compressed",
    "application/vnd.ms-htmlhelp",
)


@dataclass
class Planted:
    """A file in the image: how it lies there, and where."""

    format: str
    name: str
    digest: str
    size: int
    way: str
    extents: list[tuple[int, int]]


def family(mime: str) -> str:
    """The row of the table that a type belongs to, or ""."""
    if "openxmlformats" in mime or "opendocument" in mime or "apple.keynote" in mime or "macroenabled" in mime:
        return "zip family"
    if mime in ("application/vnd.apple.numbers", "application/vnd.apple.pages", "application/vnd.google-earth.kmz"):
        return "zip family"
    for name, kinds in FORMATS.items():
        if any(mime == kind or (kind.endswith("-") and mime.startswith(kind)) for kind in kinds):
            return "" if name == "compound" and mime in _COMPOUND else name
    return ""


def specimens(corpora: Path, rng: random.Random) -> dict[str, list[tuple[str, bytes]]]:
    """Whole files by format: from the corpora if they are there, and made ones."""
    found: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    seen: set[str] = set()
    index = json.loads((corpora / "index.json").read_text())["files"] if (corpora / "index.json").exists() else {}
    for path in sorted(p for p in corpora.rglob("*") if p.is_file() and "hostile" not in p.parts):
        data = path.read_bytes()
        packed = index.get(str(path.relative_to(corpora)), {}).get("packed")
        data = gzip.decompress(data) if packed == "gz" else lzma.decompress(data) if packed == "xz" else data
        if 256 <= len(data) <= 2 << 20 and (name := sha256(data).hexdigest()) not in seen:
            seen.add(name)
            if row := family(identify(Reader.of(data), path.name).mime):
                found[row].append((path.name, data))
    for row, name, data in made(rng):
        found[row].append((name, data))
    return found


def made(rng: random.Random) -> list[tuple[str, str, bytes]]:
    """Files of formats of which the corpora have few."""
    files: list[tuple[str, str, bytes]] = []
    for i in range(6):
        noise = Image.effect_noise((rng.randint(200, 900), rng.randint(200, 700)), rng.randint(20, 90))
        picture = Image.merge("RGB", (noise, noise.rotate(90).resize(noise.size), noise.transpose(Image.Transpose(0))))
        ways = {"jpeg": "JPEG", "png": "PNG", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP", "webp": "WEBP"}
        for row, kind in ways.items():
            out = io.BytesIO()
            picture.save(out, kind, **({"quality": rng.choice((60, 75, 90))} if kind == "JPEG" else {}))
            files.append((row, f"made{i}.{row}", out.getvalue()))
        text = (" ".join(rng.choice(WORDS) for _ in range(rng.randint(2000, 9000))) + "\n").encode()
        raw = rng.randbytes(rng.randint(5000, 60000)) + text
        files.append(("gzip", f"made{i}.gz", gzip.compress(raw, mtime=0)))
        files.append(("bzip2, xz", f"made{i}.bz2", bzip2(raw)))
        files.append(("bzip2, xz", f"made{i}.xz", lzma.compress(raw)))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for j in range(rng.randint(2, 6)):
                archive.writestr(zipfile.ZipInfo(f"part{j}.bin"), raw[j * 100 :])
        files.append(("zip family", f"made{i}.zip", out.getvalue()))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            member = tarfile.TarInfo("part.bin")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
        files.append(("tar", f"made{i}.tar", out.getvalue()))
        out = io.BytesIO()
        with wave.open(out, "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(rng.randbytes(2 * rng.randint(4000, 60000)))
        files.append(("wav, avi", f"made{i}.wav", out.getvalue()))
        files.append(("mp4, mov, 3gp", f"made{i}.mp4", film(rng)))
        files.append(
            ("amr, ogg", f"made{i}.amr", b"#!AMR\n" + b"".join(b"\x3c" + rng.randbytes(31) for _ in range(300)))
        )
        files.append(("mp3", f"made{i}.mp3", b"".join(b"\xff\xfb\x90\x00" + rng.randbytes(413) for _ in range(90))))
    return files


def film(rng: random.Random) -> bytes:
    """A film of one track whose samples are random units of H.264."""
    samples = []
    for _ in range(rng.randint(20, 60)):
        size = rng.randint(500, 6000)
        samples.append(struct.pack(">IB", size, 0x65) + rng.randbytes(size - 1))

    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I4s", 8 + len(body), kind) + body

    start = box(b"ftyp", b"isom\0\0\2\0isomavc1")
    places, at = [], len(start) + 8
    for sample in samples:
        places.append(at)
        at += len(sample)
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(b"avc1", bytes(78))),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stsz", struct.pack(">III", 0, 0, len(samples)), *(struct.pack(">I", len(s)) for s in samples)),
        box(b"stco", struct.pack(">II", 0, len(samples)), *(struct.pack(">I", p) for p in places)),
    )
    movie = box(b"moov", box(b"mvhd", bytes(100)), box(b"trak", box(b"mdia", box(b"minf", table))))
    return start + box(b"mdat", *samples) + movie


WORDS = ("the", "a", "house", "river", "letter", "carries", "number", "of", "شارع", "المدينة", "رقم", "lettre", "école")


def build(corpora: Path, seed: int, most: int) -> tuple[bytes, list[Planted]]:
    """The image and what lies in it; at most so many files of a format."""
    rng = random.Random(seed)
    chosen: list[tuple[str, str, bytes]] = []
    for row, files in sorted(specimens(corpora, rng).items()):
        rng.shuffle(files)
        chosen += [(row, name, data) for name, data in files[:most]]
    rng.shuffle(chosen)
    image, truth = bytearray(rng.randbytes(CLUSTER)), list[Planted]()
    for row, name, data in chosen:
        way = rng.choices(("whole", "pieces", "pointers", "cut"), (75, 12, 8, 5))[0]
        if len(data) < 3 * CLUSTER or (way == "pointers" and len(data) < 16 * 1024):
            way = "whole"
        extents = _plant(image, data, way, rng)
        truth.append(Planted(row, name, sha256(data).hexdigest(), len(data), way, extents))
        image += _filler(rng)
    return bytes(image), truth


def _plant(image: bytearray, data: bytes, way: str, rng: random.Random) -> list[tuple[int, int]]:
    at = len(image)
    cut = rng.randrange(1, max(2, len(data) // CLUSTER)) * CLUSTER
    if way == "whole":
        image += data
        _fill(image)
        return [(at, len(data))]
    if way == "cut":
        image += data[:cut]
        image += rng.randbytes(CLUSTER)
        return [(at, cut)]
    if way == "pieces":
        image += data[:cut]
        image += _filler(rng) or rng.randbytes(CLUSTER)
        later = len(image)
        image += data[cut:]
        _fill(image)
        return [(at, cut), (later, len(data) - cut)]
    return _around_pointers(image, data)


def _around_pointers(image: bytearray, data: bytes) -> list[tuple[int, int]]:
    """As ext2 with blocks of 1 KiB lays a file: twelve blocks, then blocks of pointers before those they point at."""
    blocks = [data[i : i + 1024] for i in range(0, len(data), 1024)]
    extents = [(len(image), 12 * 1024)]
    image += b"".join(blocks[:12])
    rest, first = blocks[12:], True
    while rest:
        part, rest = rest[:256], rest[256:]
        if not first and len(extents) == 2:
            groups = [len(image) // 1024 + 1 + 257 * i for i in range(-(-(len(part) + len(rest)) // 256))]
            image += struct.pack(f"<{len(groups)}I", *groups).ljust(1024, b"\0")
        start = len(image) // 1024 + 1
        image += struct.pack(f"<{len(part)}I", *range(start, start + len(part))).ljust(1024, b"\0")
        extents.append((len(image), sum(map(len, part))))
        image += b"".join(part)
        first = False
    _fill(image)
    return extents


def _fill(image: bytearray) -> None:
    image += bytes(-len(image) % CLUSTER)


def _filler(rng: random.Random) -> bytes:
    """What lies between files: nothing, zeros, random bytes, old text, packed bytes without a beginning."""
    size = rng.randint(1, 6) * CLUSTER
    way = rng.randrange(6)
    if way < 2:
        return b""
    if way == 2:
        return bytes(size)
    if way == 3:
        return rng.randbytes(size)
    if way == 4:
        return zlib.compress(rng.randbytes(size) + b" " * 5000)[7 : 7 + size].ljust(size, b"\1")
    return struct.pack("<8I", *(rng.randrange(1 << 16) for _ in range(8))) * (size // 32)

"""A folder of odd names and special files, and images cut, flipped, looped, or far larger than what is in them."""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import subprocess
from pathlib import Path

SECTOR = 512
NAMES = (
    *(
        b"\xff\xfe.txt",
        b"a\nb.txt",
        b"a\rb.txt",
        b"\x1b[31mred.txt",
        b"photo\xe2\x80\xaegpj.exe",
        b"%2F%00.txt",
        b"-rf",
        b" ",
    ),
    *(
        b"n" * 255,
        b"\xe2\x80\x8b",
        b"a:b",
        b"a#2",
        b"'\";--.txt",
        b"=cmd.csv",
        b"\xed\xa0\x80.txt",
        b"e\xcc\x81.txt",
        b"\xc3\xa9.txt",
    ),
)


def write_folder(root: Path, files: dict[str, bytes]) -> None:
    """Files in folders of two hundred, odd names, links in a circle, a pipe, a socket, a hole of a terabyte."""
    for n, (name, data) in enumerate(files.items()):
        folder = root / f"{n // 200:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    odd = root / "odd"
    odd.mkdir()
    for name in NAMES:
        (odd / os.fsdecode(name)).write_bytes(b"appeler le +33 6 12 34 56 78\n")
    deep = odd.joinpath(*["d" * 20] * 100)
    deep.mkdir(parents=True)
    (deep / "far.txt").write_bytes(b"far down")
    (odd / "circle").symlink_to("..")
    (odd / "link").symlink_to("/etc/passwd")
    os.mkfifo(odd / "pipe")
    here = Path.cwd()
    os.chdir(odd)  # a socket's path may have a hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket")
    finally:
        os.chdir(here)
    with (odd / "hole.bin").open("wb") as file:
        file.write(b"begin +33 6 12 34 56 78")
        file.truncate(1 << 40)


def fat(clusters: int = 400) -> bytearray:
    """An empty FAT16 file system of 512-byte clusters, written here so that it needs no tool."""
    clusters = max(clusters, 4200)
    table = (clusters + 2) * 2 // SECTOR + 1
    total = 1 + 2 * table + 32 + clusters
    image = bytearray(total * SECTOR)
    boot = b"\xeb\x3c\x90MSDOS5.0" + struct.pack(
        "<HBHBHHBHHHII", SECTOR, 1, 1, 2, 512, min(total, 0xFFFF), 0xF8, table, 63, 16, 0, 0
    )
    image[: len(boot)] = boot
    image[36:62] = b"\x80\0\x29\1\2\3\4NO NAME    FAT16   "
    image[510:512] = b"\x55\xaa"
    for n in range(2):
        image[(1 + n * table) * SECTOR : (1 + n * table) * SECTOR + 4] = b"\xf8\xff\xff\xff"
    return image


def row(name: bytes, kind: int, cluster: int, size: int) -> bytes:
    """A directory entry of FAT."""
    return name.ljust(11)[:11] + bytes((kind,)) + bytes(14) + struct.pack("<HI", cluster, size)


def layout(image: bytearray) -> tuple[int, int, int]:
    """Where the first table, the root and the first cluster lie."""
    table = struct.unpack_from("<H", image, 22)[0]
    root = (1 + 2 * table) * SECTOR
    return SECTOR, root, root + 32 * SECTOR


def chain(image: bytearray, clusters: list[int]) -> None:
    """Link clusters one after the other in both tables."""
    table = struct.unpack_from("<H", image, 22)[0] * SECTOR
    for copy in (SECTOR, SECTOR + table):
        for here, after in zip(clusters, [*clusters[1:], 0xFFFF], strict=True):
            struct.pack_into("<H", image, copy + here * 2, after)


def loops() -> dict[str, bytes]:
    """FAT volumes whose folders hold themselves and whose chains return."""
    image = fat()
    tables, root, first = layout(image)
    rows = (
        row(b"LOOP", 16, 2, 0)
        + row(b"UP", 16, 0, 0)
        + row(b"CHAIN   BIN", 32, 5, 1 << 20)
        + row(b"HUGE    BIN", 32, 7, 0xFFFFFFFF)
    )
    image[root : root + len(rows)] = rows
    inner = (
        row(b".", 16, 2, 0)
        + row(b"..", 16, 0, 0)
        + row(b"SELF", 16, 2, 0)
        + row(b"SELF2", 16, 3, 0)
        + row(b"ODD/..\\\0\1", 32, 9, 10)
    )
    for cluster in (2, 3):
        image[first + (cluster - 2) * SECTOR : first + (cluster - 2) * SECTOR + len(inner)] = inner
    chain(image, [2])
    chain(image, [3])
    struct.pack_into("<HH", image, tables + 10, 6, 5)
    for copy in (tables, tables + struct.unpack_from("<H", image, 22)[0] * SECTOR):
        struct.pack_into("<HH", image, copy + 10, 6, 5)
        struct.pack_into("<H", image, copy + 14, 7)
        struct.pack_into("<H", image, copy + 18, 0xFFFF)
    return {"fatloop.dd": bytes(image)}


def crowd(count: int) -> bytes:
    """A FAT volume with one folder of `count` empty files."""
    image = fat(count * 32 // SECTOR + 50)
    _, root, first = layout(image)
    image[root : root + 32] = row(b"CROWD", 16, 2, 0)
    body = b"".join(row(b"F%07d" % n + b"TXT", 32, 0, 0) for n in range(count))
    image[first : first + len(body)] = body
    chain(image, list(range(2, 3 + (len(body) - 1) // SECTOR)))
    return bytes(image)


def tables(size: int) -> dict[str, bytes]:
    """Partition tables that go round or beyond the end."""
    ebr = bytearray(1 << 20)
    struct.pack_into("<8xBxxxII", ebr, 442, 5, 1, 2000)
    ebr[446 + 4] = 5
    struct.pack_into("<II", ebr, 446 + 8, 1, 2000)
    ebr[510:512] = b"\x55\xaa"
    for at in (512, 1024):
        ebr[at + 446 + 4], ebr[at + 462 + 4] = 6, 5
        struct.pack_into("<II", ebr, at + 446 + 8, 1, 100)
        struct.pack_into("<II", ebr, at + 462 + 8, 0 if at == 1024 else 1, 2000)
        ebr[at + 510 : at + 512] = b"\x55\xaa"
    beyond = bytearray(1 << 16)
    for n in range(4):
        beyond[446 + 16 * n + 4] = (7, 6, 0x83, 0xEE)[n]
        struct.pack_into("<II", beyond, 446 + 16 * n + 8, 0xFFFFFF00, 0xFFFFFFFF)
    beyond[510:512] = b"\x55\xaa"
    beyond[512:520] = b"EFI PART"
    struct.pack_into("<QII", beyond, 512 + 72, 2, 0xFFFFFFFF, 128)
    luks = b"LUKS\xba\xbe\0\2" + b"\xff" * 4000
    qcow = b"QFI\xfb" + struct.pack(">IQIIQIIQQII", 3, 0, 0, 16, 1 << 60, 0, 0xFFFFFFFF, 512, 512, 1, 0) + bytes(size)
    vhdx = b"vhdxfile" + bytes(70_000) + b"head" + b"\xff" * 4000
    vmdk = b"KDMV" + struct.pack("<IIQQQQIQQQ", 1, 3, 1 << 50, 1, 1, 1, 0xFFFFFFFF, 1, 1, 1) + bytes(4000)
    return {
        "ebr.dd": bytes(ebr), "beyond.dd": bytes(beyond), "luks.dd": luks, "big.qcow2": qcow, "head.vhdx": vhdx, "grain.vmdk": vmdk,
        "evf.E01": b"EVF\t\r\n\xff\0\1\1\0\0\0" + b"header2" + bytes(9) + struct.pack("<QQ", 13, 1 << 60) + bytes(60),
        "empty.dd": b"", "short.dd": b"\x55\xaa", "noise.dd": random.Random(5).randbytes(100_000),
    }  # fmt: skip


def made(folder: Path) -> dict[str, bytes]:
    """One file system of each kind that this machine can write, with a few files in those that mtools can fill."""
    found: dict[str, bytes] = {}
    commands = {
        "vfat": ("mkfs.vfat", "-F", "32", "-S", "512", "-i", "1234abcd"),
        "exfat": ("mkfs.exfat",),
        "ntfs": ("mkfs.ntfs", "-F", "-q", "-s", "512"),
        "ext4": ("mkfs.ext4", "-q", "-F", "-U", "00000000-0000-4000-8000-000000000000", "-O", "^has_journal"),
    }
    source = folder / "source"
    source.mkdir()
    for n in range(30):
        (source / f"file{n}.txt").write_text(f"numero {n}: +33 6 12 34 56 {n:02}\n" * (1 + n * 20))
    for kind, command in commands.items():
        path = folder / f"{kind}.img"
        with path.open("wb") as file:
            file.truncate((36 if kind == "vfat" else 6) << 20)
        if not shutil.which(command[0]):
            continue
        more = ("-d", str(source)) if kind == "ext4" else ()
        subprocess.run([*command, *more, str(path)], check=True, capture_output=True)
        if kind == "vfat" and shutil.which("mcopy"):
            files = [str(f) for f in sorted(source.iterdir())]
            subprocess.run(["mcopy", "-i", str(path), *files, "::"], check=True, capture_output=True)
        found[kind] = path.read_bytes()
        path.unlink()
    shutil.rmtree(source)
    return found


def flipped(data: bytes, seed: int) -> bytes:
    """The image with some of its non-zero bytes changed; one in three is cut short as well."""
    rng, raw = random.Random(seed), bytearray(data)
    block = 64
    used = [at for at in range(0, len(raw), block) if any(raw[at : at + block])][:4000]
    for _ in range(rng.randrange(3, 60)):
        at = rng.choice(used) + rng.randrange(block - 8)
        width = rng.choice((1, 2, 4, 8))
        raw[at : at + width] = rng.choice((b"\xff" * 8, bytes(8), rng.randbytes(8)))[:width]
    return bytes(raw[: rng.randrange(1000, len(raw))] if seed % 3 == 2 else raw)


def write_images(root: Path, weight: int) -> None:
    """Every image."""
    root.mkdir(parents=True)
    images = {**loops(), **tables(1 << 16), "crowd.dd": crowd(800 if weight == 1 else 100_000)}
    for kind, data in made(root).items():
        for seed in range(2 if weight == 1 else 30):
            images[f"{kind}-{seed}.dd"] = flipped(data, seed)
    for name, data in images.items():
        path = root / name
        with path.open("wb") as file:  # holes stay holes
            for at in range(0, len(data), 1 << 16):
                if any(piece := data[at : at + (1 << 16)]):
                    file.seek(at)
                    file.write(piece)
            file.truncate(len(data))


def write_large(path: Path) -> None:
    """A raw image of a terabyte with a small file system at its start."""
    with path.open("wb") as file:
        file.write(loops()["fatloop.dd"])
        file.truncate(1 << 40)


def write_intake(root: Path) -> Path:
    """The list of the haul: the folder `files` as it is, and each image."""
    rows = ["exhibit,label,kind,files", "FILES,a folder,,files"]
    rows += [
        f"{path.stem}-{path.suffix[1:]},{path.name},,images/{path.name}" for path in sorted((root / "images").iterdir())
    ]
    intake = root / "intake.csv"
    intake.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return intake

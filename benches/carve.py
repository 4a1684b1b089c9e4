"""Carving by format, beside photorec, foremost and scalpel on the same bytes.

python -m benches.carve [--corpora FOLDER] [--seed N] [--most N] [HAUL...]

An image of specimens is built (whole, in two pieces, around pointer blocks, cut off); of a haul, the free space of each
volume is carved. A file counts when it comes back with its own digest. A false one is an output that is neither a
planted file nor flagged as a part of one; what a program takes out of the middle of another file is false as well.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from benches.carveimage import FORMATS, build, family
from benches.measure import measure
from moisson.carve.find import find
from moisson.evidence import image, volume
from moisson.evidence.extents import Pieces
from moisson.evidence.mount import mount
from moisson.identify.kind import identify
from moisson.reader import Memory, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

Found = list[tuple[str, str, bool]]
"""Format, digest, and whether the program itself says that it is only a part."""
SHORT = {
    "txt": "text",
    "jpg": "jpeg",
    "docx": "zip family",
    "xlsx": "zip family",
    "pptx": "zip family",
    "sqlite": "sqlite",
}
SCALPEL = re.compile(r"^#?\s+(\w+\s+[yn]\s+\d+\s+\S.*)$")


def ours(data: bytes) -> tuple[Found, float]:
    """What the room's plain driver finds, and its CPU seconds."""
    began = time.process_time()
    carved = list(find(Reader.of(data)))
    cost = time.process_time() - began
    found = []
    for one in carved:
        digest = sha256(b"".join(data[at : at + n] for at, n in one.extents)).hexdigest()
        partial = one.confidence < 0.5 or "fragment" in one.flags
        found.append((family(one.kind), digest, partial))
    return found, cost


def peer(name: str, data: bytes) -> tuple[Found, float]:
    """What another program writes out, and its CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "image.dd").write_bytes(data)
        cost = measure(_command(name, root)).cpu
        found = []
        for path in sorted(p for p in root.rglob("*") if p.is_file() and p.parent != root):
            if path.name in ("report.xml", "audit.txt"):
                continue
            content = path.read_bytes()
            kind = family(identify(Reader.of(content), path.name).mime)
            found.append((kind, sha256(content).hexdigest(), False))
    return found, cost


def _command(name: str, root: Path) -> list[str | Path]:
    shot, out = root / "image.dd", root / "out"
    if name == "photorec":
        steps = "partition_none,options,paranoid,fileopt,everything,enable,search"
        return ["photorec", "/d", out, "/cmd", shot, steps]
    if name == "foremost":
        return ["foremost", "-Q", "-t", "all", "-i", shot, "-o", out]
    lines = Path("/etc/scalpel/scalpel.conf").read_text("latin-1").splitlines()
    rows = [m[1] for line in lines if (m := SCALPEL.match(line)) and m[1].split()[0] not in ("mov", "NONE", "art")]
    (root / "all.conf").write_text("\n".join(rows) + "\n", "latin-1")
    return ["scalpel", "-c", root / "all.conf", "-o", out, shot]


def free_space(haul: Path) -> Iterator[tuple[bytes, list[tuple[str, str]], set[str]]]:
    """The free bytes of each volume of a haul, what is known to lie whole in them, and all digests of the haul."""
    truth = [json.loads(line) for line in (haul / "truth" / "files.jsonl").open()]
    known = {row["sha256"] for row in truth}
    for medium in map(json.loads, (haul / "truth" / "media.jsonl").open()):
        parts = [haul / "media" / name for name in medium["files"]]
        lost = [
            r for r in truth if r["exhibit"] == medium["exhibit"] and r["state"] == "unallocated" and not r["chain"]
        ]
        if not lost:
            continue
        opened = image.open_image([(p.name, image.Descriptor(os.open(p, os.O_RDONLY))) for p in parts])
        free = b""
        for found in volume.scan(opened):
            if isinstance(found, volume.Volume) and found.kind in ("ntfs", "fat", "exfat", "ext"):
                inner = volume.open_volume(opened, found.layers)
                ranges = mount(found.kind, inner).free()
                free += Pieces(inner, ranges, sum(n for _, n in ranges)).pread(0, 1 << 40)
        yield free, [(SHORT.get(r["kind"], r["kind"]), r["sha256"]) for r in lost], known


def table(title: str, wanted: list[tuple[str, str]], known: set[str], runs: dict[str, tuple[Found, float]]) -> None:
    """Print what came back by format: right of planted, and false ones."""
    print(f"\n{title}\n\n| format | planted |" + "".join(f" {name} | false |" for name in runs))
    print("| --- | --- |" + " --- | --- |" * len(runs))
    planted: dict[str, set[str]] = defaultdict(set)
    for name, digest in wanted:
        planted[name].add(digest)
    totals: Counter[str] = Counter()
    for name in [*FORMATS, ""]:
        row = f"| {name or 'other'} | {len(planted[name])} |"
        for tool, (found, _) in runs.items():
            mine = {digest for kind, digest, _ in found if digest in planted[name]}
            false = sum(1 for kind, digest, part in found if kind == name and digest not in known and not part)
            totals[tool] += len(mine)
            totals[tool + " false"] += false
            row += f" {len(mine)} | {false} |"
        if planted[name] or name == "":
            print(row)
    total = "".join(f" {totals[tool]} | {totals[tool + ' false']} |" for tool in runs)
    print(f"| all | {sum(map(len, planted.values()))} |{total}")
    for tool, (_, cost) in runs.items():
        print(f"{tool}: {cost:.2f} CPU s")


def run(data: bytes) -> dict[str, tuple[Found, float]]:
    """All programs over the same bytes."""
    runs = {"moisson": ours(data)}
    for name in ("photorec", "foremost", "scalpel"):
        if shutil.which(name):
            runs[name] = peer(name, data)
    return runs


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpora", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "corpora")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("hauls", nargs="*", type=Path)
    chosen = parser.parse_args()
    data, truth = build(chosen.corpora, chosen.seed, chosen.most)
    runs = run(data)
    known = {p.digest for p in truth}
    for title, ways in (("Left whole", ("whole",)), ("In pieces, or around pointer blocks", ("pieces", "pointers"))):
        wanted = [(p.format, p.digest) for p in truth if p.way in ways]
        table(f"{title} ({len(data) / 1e6:.0f} MB, seed {chosen.seed})", wanted, known, runs)
    for haul in chosen.hauls:
        wanted, known, bytes_free = list[tuple[str, str]](), set[str](), 0
        sums: dict[str, tuple[Found, float]] = {}
        for free, lost, digests in free_space(haul):
            wanted, known, bytes_free = wanted + lost, known | digests, bytes_free + len(free)
            for tool, (found, cost) in run(Memory(free).data).items():
                before = sums.get(tool, ([], 0.0))
                sums[tool] = (before[0] + found, before[1] + cost)
        table(f"Free space of {haul.name} ({bytes_free / 1e6:.0f} MB)", wanted, known, sums)


if __name__ == "__main__":
    main()

"""The sweep on raw images with truth, beside bulk_extractor: recall, precision, CPU seconds, peak memory.

    python -m benches.scan IMAGE.raw [--bulk-extractor PATH] [--lists comparable,default] [--misses]
    python -m benches.scan IMAGE.raw --workers 1,2 [--times 3]

IMAGE.raw.json is what benches.rawimage wrote beside it. Every run is a process of its own; figures are user + system.
The second form times `moisson sweep IMAGE OUT` by so many workers in turn, and wants no truth.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from moisson.evidence.image import Descriptor
from moisson.model import Sighting, Text
from moisson.reader import Reader
from moisson.scan.sweep import sweep

_PLACE = re.compile(r"@(\d+)")
# As many finds as a child of the stand-alone sweep sends at once.
_BATCH = 2000
LISTS = {
    "email+accts": "-x all -e email -e accts",
    "comparable": "-x all -e email -e accts -e base64 -e gzip -e zip -e pdf -e exif -e gps",
    "default": "",
}
_FEATURES = {
    "email": ("email.txt",), "url": ("url.txt",), "phone": ("telephone.txt",), "ipv4": ("ip.txt", "domain.txt"),
    "mac": ("ether.txt",), "card": ("ccn.txt",), "crypto": ("bitcoin.txt",), "coords": ("gps.txt",),
}  # fmt: skip


def collect(image: Path, out: Path) -> dict[str, Any]:
    """Sweep the image in this process, with its digest; writes one line a find and returns the cost."""
    began = time.process_time()
    # As the children of the engine do.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    digest = sha256()
    encode = msgspec.json.Encoder().encode_lines
    rows: list[tuple[str, str, str, str]] = []
    with image.open("rb") as file, out.open("wb") as lines:
        reader = Reader(Descriptor(file.fileno()))
        for record in sweep(reader, "E1", observers=[lambda _at, data: digest.update(data)]):
            if isinstance(record, Sighting):
                rows.append((record.kind, record.value, record.address, record.context))
            elif isinstance(record, Text):
                rows.append(("words", record.content, record.address, ""))
            if len(rows) >= _BATCH:
                lines.write(encode(rows))
                rows.clear()
        lines.write(encode(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"scan": time.process_time() - began, "peak": peak, "sha256": digest.hexdigest()}


def run(command: list[str]) -> tuple[float, float, str]:
    """CPU seconds and peak MB of a command, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-800:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, after.ru_maxrss / 1024, done.stdout


class Score:
    """Found and missed by kind and by form, and what was reported although nobody planted it."""

    def __init__(self, truth: dict[str, Any], rows: list[tuple[str, str, int]]) -> None:
        self.cells: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.missed: list[tuple[str, str, str, int]] = []
        found = {(kind, value) for kind, value, _ in rows}
        texts = "\n".join(value for kind, value, _ in rows if kind == "words")
        for kind, value, form, at in truth["planted"]:
            seen = value in texts if kind == "words" else (kind, value) in found
            self.cells[kind, form][0] += seen
            self.cells[kind, form][1] += 1
            if not seen:
                self.missed.append((kind, value, form, at))
        right = {(kind, value) for kind, value, _, _ in truth["planted"]}
        wrong = {value for _, value, _ in truth["decoys"]}
        natural = sorted(map(tuple, truth["natural"]))
        starts = [a for a, _ in natural]
        self.false: list[tuple[str, str, int]] = []
        self.counts: Counter[str] = Counter()
        self.fooled = [(k, v, at) for k, v, at in rows if v in wrong and (k, v) not in right]
        for kind, value, at in rows:
            near = bisect_right(starts, at) - 1
            if kind == "words" or (near >= 0 and at < natural[near][1]):
                continue
            self.counts[kind] += 1
            if (kind, value) not in right:
                self.false.append((kind, value, at))

    def recall(self, axis: int) -> dict[str, tuple[int, int]]:
        """Found and planted, by kind (0) or by form (1)."""
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for cell, (seen, all_) in self.cells.items():
            sums[cell[axis]][0] += seen
            sums[cell[axis]][1] += all_
        return {name: (a, b) for name, (a, b) in sorted(sums.items())}

    def total(self) -> tuple[int, int]:
        """Found and planted."""
        return sum(c[0] for c in self.cells.values()), sum(c[1] for c in self.cells.values())


def ours(path: Path) -> list[tuple[str, str, int]]:
    """Kind, value and outermost offset of each find."""
    rows = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            kind, value, address, _ = json.loads(line)
            place = _PLACE.search(address)
            rows.append((kind, value, int(place[1]) if place else 0))
    return rows


def theirs(folder: Path) -> list[tuple[str, str, int]]:
    """The same of bulk_extractor's feature files, in our canonical forms as far as they go."""
    from moisson.selectors.kind import Context
    from moisson.selectors.kinds import get

    rows, ctx = [], Context()
    for kind, names in _FEATURES.items():
        for name in names:
            path = folder / name
            for line in path.read_text("utf-8", "replace").splitlines() if path.exists() else ():
                parts = line.split("\t")
                if line.startswith("#") or len(parts) < 2:
                    continue
                raw = parts[2] if kind == "coords" and len(parts) > 2 else parts[1]
                raw = raw.replace("&amp;", "&")
                value = get(kind).clean(raw, ctx)
                place = re.match(r"\d+", parts[0])
                rows += [(kind, value, int(place[0]) if place else 0)] if value else []
                if kind == "url" and value and (account := get("account").clean(value, ctx)):
                    rows.append(("account", account, int(place[0]) if place else 0))
    return rows


def table(name: str, score: Score, size: int, cpu: float, peak: float) -> str:
    """One row: cost, recall of all, precision outside natural files, decoys reported."""
    seen, planted = score.total()
    count = sum(score.counts.values())
    precision = 100 * (1 - len(score.false) / count) if count else 0.0
    return (
        f"| {name} | {cpu:.2f} | {size / 1e6 / cpu:.0f} | {peak:.0f} | {100 * seen / planted:.2f} ({seen}/{planted})"
        f" | {precision:.2f} | {len(score.fooled)} |"
    )


def details(score: Score) -> list[str]:
    """Recall by kind with precision, and by form."""
    false = Counter(kind for kind, _, _ in score.false)
    lines = []
    for axis in (0, 1):
        lines += ["", f"| {('kind', 'form')[axis]} | recall % | planted | false |", "| --- | --- | --- | --- |"]
        for name, (seen, planted) in score.recall(axis).items():
            lines.append(f"| {name} | {100 * seen / planted:.2f} | {planted} | {false[name] if not axis else ''} |")
    return lines


def alone(image: Path, counts: list[int], times: int) -> list[str]:
    """A row for each number of workers: the median wall time of the stand-alone sweep, the first's as a multiple."""
    took: dict[int, list[float]] = defaultdict(list)
    program = str(Path(sys.executable).with_name("moisson"))
    for _ in range(times):
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                run([program, "sweep", str(image), f"{folder}/out", "--workers", str(count)])
                took[count].append(time.monotonic() - began)
    first = median(took[counts[0]])
    return [f"| {n} | {median(took[n]):.2f} | {first / median(took[n]):.2f} |" for n in counts]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The sweep, and bulk_extractor beside it")
    parser.add_argument("image", type=Path)
    parser.add_argument("--bulk-extractor", default="")
    parser.add_argument("--lists", default="comparable,default")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--collect", type=Path)
    parser.add_argument("--workers", default="")
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    if args.workers:
        print("| workers | wall s | times |\n| --- | --- | --- |")
        print(*alone(args.image, [int(n) for n in args.workers.split(",")], args.times), sep="\n")
        return
    if args.collect:
        print(json.dumps(collect(args.image, args.collect)))
        return
    truth = json.loads(args.image.with_name(args.image.name + ".json").read_text("utf-8"))
    print("| | CPU s | MB/s | peak MB | recall % | precision % | decoys |\n| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "finds.jsonl"
        cpu, peak, said = run([sys.executable, "-m", "benches.scan", str(args.image), "--collect", str(out)])
        score = Score(truth, ours(out))
        scan = json.loads(said)["scan"]
        print(table("moisson sweep, whole process", score, truth["size"], cpu, peak))
        print(table("moisson sweep, without start-up", score, truth["size"], scan, peak), flush=True)
        for name in args.lists.split(",") if args.bulk_extractor else ():
            where = Path(folder) / name
            options = LISTS[name].split()
            other, height, _ = run([args.bulk_extractor, "-j1", *options, "-o", str(where), str(args.image)])
            print(table(f"bulk_extractor {name}", Score(truth, theirs(where)), truth["size"], other, height))
            print(f"ratio {other / cpu:.1f} whole process, {other / scan:.1f} without start-up", flush=True)
    print("\n".join(details(score)))
    if args.misses:
        print("\nmissed", *score.missed[:60], "\nfalse", *score.false[:60], "\ndecoys", *score.fooled[:40], sep="\n")


if __name__ == "__main__":
    main()

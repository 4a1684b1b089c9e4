"""The harvest of a haul: MB of media per core-second, memory by role, one worker against two.

python -m benches.harvest HAUL [PASS]   where HAUL was written by the haul generator (media/, intake.csv, known.csv …)
and PASS is the last pass, harvest unless said otherwise
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path

from benches.measure import Cost, measure


def media_bytes(haul: Path) -> int:
    """The size of the decoded media, from the truth when there is one, else of the delivered files."""
    truth = haul / "truth" / "media.jsonl"
    if truth.exists():
        return sum(json.loads(line)["size"] for line in truth.read_text(encoding="utf-8").splitlines())
    with (haul / "intake.csv").open(encoding="utf-8") as file:
        names = [name.strip() for row in csv.DictReader(file) for name in row["files"].split("|")]
    return sum((haul / name).stat().st_size for name in names)


def harvest(haul: Path, root: Path, workers: int, until: str) -> Cost:
    """One harvest in a fresh case."""
    command = [sys.executable, "-m", "moisson", "harvest", root, "--workers", workers, "--intake", haul / "intake.csv"]
    command += ["--until", until]
    for option in ("watchlist.csv", "requirements.yaml", "known.csv"):
        if (haul / option).exists():
            command += [f"--{option.partition('.')[0]}", haul / option]
    return measure([str(word) for word in command])


def main() -> None:
    """Print the table."""
    haul, until = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "harvest"
    size, costs = media_bytes(haul), {}
    print(f"{size / 1e6:.0f} MB of media, until {until}")
    print(f"{'workers':>7} {'wall s':>8} {'CPU s':>8} {'MB/CPU s':>9} {'MB/s':>7}  peak MB by role")
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            cost = costs[workers] = harvest(haul, Path(folder) / f"case{workers}", workers, until)
            peaks = ", ".join(f"{role} {mb:.0f}" for role, mb in sorted(cost.peaks.items()) if mb)
            print(
                f"{workers:7} {cost.wall:8.1f} {cost.cpu:8.1f} {size / 1e6 / cost.cpu:9.1f} "
                f"{size / 1e6 / cost.wall:7.1f}  {peaks}"
            )
            if cost.code:
                sys.exit(f"the harvest ended with code {cost.code}")
    print(f"two workers are {costs[1].wall / costs[2].wall:.2f} times as fast as one")


if __name__ == "__main__":
    main()

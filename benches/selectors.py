"""How fast selectors are found in text: CPU seconds of one core over files of plain text, the best of three rounds.

python -m benches.selectors FOLDER...     every *.txt, *.eml, *.csv, *.json, *.html, *.ics and *.vcf below
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from moisson.selectors import find
from moisson.settings import Settings

KINDS = (".txt", ".eml", ".csv", ".json", ".html", ".ics", ".vcf")
ROUNDS, LARGEST = 3, 4 << 20


def texts(folder: Path) -> list[str]:
    """The texts below a folder, as UTF-8 with what is none replaced."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in KINDS and p.is_file())
    return [p.read_bytes()[:LARGEST].decode("utf-8", "replace") for p in files]


def main(folders: list[str]) -> None:
    """Print one line a folder: megabytes, the rate, what was found."""
    settings = Settings()
    context = find.Context(regions=settings.regions, languages=settings.languages)
    find.warm(context)
    for folder in folders:
        given = texts(Path(folder))
        size = sum(len(text.encode()) for text in given) / 1e6
        best, found = 0.0, Counter[str]()
        for _ in range(ROUNDS):
            began = time.process_time()
            found = Counter(hit.kind for text in given for hit in find.find(text, context))
            best = max(best, size / (time.process_time() - began))
        kinds = ", ".join(f"{n} {kind}" for kind, n in found.most_common())
        sys.stdout.write(f"{folder}: {size:.2f} MB, {best:.1f} MB/s; {kinds}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Sightings of raw bytes as feature files: JSON lines, CSV, or the form that bulk_extractor writes.

The last (its feature file format 1.1: forensic path, feature, context, separated by tabs; histograms of `n=count`
lines) lets scripts made for it read ours. A forensic path is an offset, then for each decoder its name and the offset
in what it decoded: `756745-ZIP-3418-GZIP-120`.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

import msgspec

from moisson.address import Address
from moisson.errors import UsageError
from moisson.export.cells import harmless

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from moisson.model import Sighting

_encoder = msgspec.json.Encoder()
Form = Literal["jsonl", "csv", "be"]
_MOST_VALUES, _MOST_FILES = 2_000_000, 100
_NAME = re.compile(r"[a-z0-9_-]{1,40}")
_RECORDERS = {"card": "ccn", "phone": "telephone", "mac": "ether", "coords": "gps", "ipv4": "ip", "ipv6": "ip"}
_COLUMNS = ("address", "kind", "value", "raw", "context", "confidence")


def _file_of(kind: str, known: Collection[str]) -> str:
    """The name of the file for a kind: what comes from a confined process names no other, and not too many."""
    fits = _NAME.fullmatch(kind) and (kind in known or len(known) < _MOST_FILES)
    return kind if fits else "other"


class Writer(Protocol):
    """Takes sightings, some at a time."""

    def add(self, sightings: Sequence[Sighting]) -> None:
        """Write them."""
        ...

    def close(self) -> None:
        """Write what can only be written at the end."""
        ...


class Histogram:
    """How often each value of each kind was seen; past a number of values the new ones are only counted together."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.counts = folder, Counter[tuple[str, str]]()
        self.left = 0

    def add(self, values: Sequence[tuple[str, str]]) -> None:
        """Count some, each of a kind."""
        if len(self.counts) + len(values) <= _MOST_VALUES:
            self.counts.update(values)
            return
        for key in values:
            if key in self.counts or len(self.counts) < _MOST_VALUES:
                self.counts[key] += 1
            else:
                self.left += 1

    def write(self, prefix: str = "") -> None:
        """One file a kind, most frequent values first."""
        kinds: dict[str, list[tuple[str, int]]] = {}
        for (sort, value), n in self.counts.items():
            kinds.setdefault(_file_of(sort, kinds), []).append((value, n))
        end = f"# {self.left} more sightings are of values that are not in these histograms\n" if self.left else ""
        for kind, values in kinds.items():
            values.sort()
            values.sort(key=itemgetter(1), reverse=True)
            with (self.folder / f"{kind}_histogram.txt").open("w", encoding="utf-8", newline="\n") as file:
                file.write(prefix)
                file.writelines([f"n={n}\t{escape(value)}\n" for value, n in values])
                file.write(end)


class Lines:
    """One JSON object a line in `sightings.jsonl`, and a histogram a kind."""

    def __init__(self, folder: Path, source: str) -> None:
        self.file = (folder / "sightings.jsonl").open("wb")
        self.histogram = Histogram(folder)

    def add(self, sightings: Sequence[Sighting]) -> None:
        """Write them."""
        self.file.write(_encoder.encode_lines(sightings))
        self.histogram.add([(s.kind, s.value) for s in sightings])

    def close(self) -> None:
        """Write the histograms."""
        self.file.close()
        self.histogram.write()


class Sheet:
    """Rows in `sightings.csv`, and a histogram a kind; what a spreadsheet would run as a formula is quoted."""

    def __init__(self, folder: Path, source: str) -> None:
        self.file = (folder / "sightings.csv").open("w", encoding="utf-8-sig", newline="")
        self.rows = csv.writer(self.file)
        self.rows.writerow(_COLUMNS)
        self.histogram = Histogram(folder)

    def add(self, sightings: Sequence[Sighting]) -> None:
        """Write them."""
        self.rows.writerows([harmless(getattr(s, column)) for column in _COLUMNS] for s in sightings)
        self.histogram.add([(s.kind, s.value) for s in sightings])

    def close(self) -> None:
        """Write the histograms."""
        self.file.close()
        self.histogram.write()


class Features:
    """A feature file and a histogram for each recorder, under the names that bulk_extractor uses where it has one."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder, self.source = folder, source
        self.files: dict[str, TextIO] = {}
        self.histogram = Histogram(folder)

    def add(self, sightings: Sequence[Sighting]) -> None:
        """Write them."""
        self.histogram.add([(self._add(sighting), sighting.value) for sighting in sightings])

    def _add(self, sighting: Sighting) -> str:
        recorder = _file_of(_RECORDERS.get(sighting.kind, sighting.kind), self.files)
        if recorder not in self.files:
            self.files[recorder] = (self.folder / f"{recorder}.txt").open("w", encoding="utf-8", newline="\n")
            self.files[recorder].write(self._banner("Feature-Recorder", recorder))
        path, feature = forensic_path(sighting.address), escape(sighting.raw or sighting.value)
        self.files[recorder].write(f"{path}\t{feature}\t{escape(sighting.context)}\n")
        return recorder

    def close(self) -> None:
        """Write the histograms."""
        for file in self.files.values():
            file.close()
        self.histogram.write(self._banner("Feature-Recorder", "histogram"))

    def _banner(self, key: str, value: str) -> str:
        return (
            "# BANNER FILE NOT PROVIDED (-b option)\n# BULK_EXTRACTOR-Version: 2.0.0 (form; written by moisson)\n"
            f"# {key}: {value}\n# Filename: {escape(self.source)}\n# Feature-File-Version: 1.1\n"
        )


FORMS: dict[Form, type[Lines | Sheet | Features]] = {"jsonl": Lines, "csv": Sheet, "be": Features}


def ready(folder: Path) -> None:
    """Make the folder to write into; raises `UsageError` unless it is new or empty."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made or is no folder ({error.strerror})") from error
    if not empty:
        raise UsageError(f"{folder} is there already and not empty; name a new folder")


def open_features(form: Form, folder: Path, source: str) -> Writer:
    """A writer into a folder that is new or empty; `source` is the name of what was scanned."""
    ready(folder)
    return FORMS[form](folder, source)


def forensic_path(address: str) -> str:
    """An address of raw bytes as bulk_extractor writes it."""
    parts: list[str] = []
    for layer in Address.parse(address).layers:
        if layer.scheme == "@":
            parts.append(str(layer.span[0]))
        else:
            parts.append(layer.scheme.upper())
    return "-".join(parts)


def escape(text: str) -> str:
    r"""Text on one line: control characters and the backslash as `\xHH` of their bytes."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        c if c.isprintable() and c != "\\" else "".join(f"\\x{b:02X}" for b in c.encode("utf-8", "surrogatepass"))
        for c in text
    )

"""Every row of bulk_extractor's own list of features, `data_check.txt`: found exactly, or named with the reason."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from moisson import registry
from moisson.carve import find as carving
from moisson.carve.ground import Ground
from moisson.extract.strings import read_strings
from moisson.model import Sighting
from moisson.reader import Child, Memory, Reader
from moisson.scan.decode import decode, open_layer
from moisson.scan.sweep import sweep_bytes
from tests.conftest import unpack

RULES = {rule["row"]: rule for rule in tomllib.loads(Path(__file__).with_name("data_check.toml").read_text())["rows"]}


@cache
def content(path):
    return unpack(path)


@cache
def sightings(path):
    return [r for r in sweep_bytes(content(path), "E") if isinstance(r, Sighting)]


def stored(folder, name):
    """A specimen, packed or not."""
    return next(path for path in (folder / name, folder / f"{name}.gz", folder / f"{name}.xz") if path.exists())


def is_sighted(path, row, rule):
    """The value itself, where the list says it is in plain bytes."""
    value = rule.get("value", row["value"]).lower()
    found = [r for r in sightings(path) if r.value.lower() == value]
    if row["forensic_path"].isdigit():
        at = rule.get("at", int(row["forensic_path"]))
        found = [r for r in found if r.address.split("/")[1].startswith(f"@{at}+")]
    if "OUTLOOK" in row["forensic_path"]:
        found = [r for r in found if "/outlook/" in r.address and stands_at(r) == int(row["forensic_path"][10:])]
    return bool(found)


def stands_at(sighting):
    """Where a sighting in a block of Outlook would be if the whole store were decoded."""
    _, outer, _, inner, *_ = sighting.address.split("/")
    return int(outer[1:]) + int(inner[1:].partition("+")[0])


def is_layer(path, row, rule):
    data = decode(rule["scheme"], Reader.of(content(path))).data
    return hashlib.md5(data[:4096]).hexdigest() == row["value"]


def is_carved(path, row, rule):
    data, at = content(path), int(row["forensic_path"])
    if len(row["value"]) == 32 and hashlib.md5(data[at : at + 4096]).hexdigest() != row["value"]:
        return False
    found = carving.find(Ground(Memory(data)), 0, len(data), carving.Claims())
    return (rule["kind"], at) in {(c.kind, c.extents[0][0]) for c in found}


def is_member(path, row, rule):
    data = Reader.of(content(path))
    if content(path)[:2] == b"\x1f\x8b":
        data = open_layer(data, "gzip")
    members = {
        c.name: c.open().head(4096)
        for c in registry.best("extract", rule["kind"], "").run(data, ())
        if isinstance(c, Child)
    }
    if "name" in rule:
        return members[rule["name"]].startswith(b"\xff\xd8\xff")
    at = int(row["forensic_path"].rpartition("-")[2])
    return any(head and data.pread(at, len(head)) == head for head in members.values())


def is_text(path, _row, rule):
    return any(rule["value"] in passage.text for passage in read_strings(Reader.of(content(path))))


CHECKS = {"sighting": is_sighted, "layer": is_layer, "carved": is_carved, "member": is_member, "text": is_text}


@pytest.mark.corpus
def test_every_row_holds_or_has_its_reason(corpora):
    folder = corpora / "be"
    rows = json.loads((folder / "expected.json").read_text("utf-8"))["data_check"]
    counts = Counter()
    for row in rows:
        rule = RULES.get(f"{row['file']} {row['forensic_path']}", {"how": "sighting"})
        if reason := rule.get("not"):
            assert len(reason) > 20
            counts["not"] += 1
            continue
        assert CHECKS[rule["how"]](stored(folder, row["file"]), row, rule), row
        counts[rule["how"]] += 1
    assert counts == {"sighting": 34, "layer": 1, "carved": 3, "member": 7, "text": 2, "not": 13}
    assert len(rows) == sum(counts.values())

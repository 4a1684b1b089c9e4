"""Whole hauls against their truth: every file that can be had must come out with its digest under its path."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from moisson.engine import phone
from moisson.evidence import volume
from moisson.evidence.image import Descriptor, open_image
from moisson.evidence.mount import mount
from tests.conftest import SHARED

from .specimens import sha, split

HAULS = Path(os.environ.get("MOISSON_HAULS", SHARED.parent / "hauls"))
STATES = ("live", "deleted", "ads", "encrypted")


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def systems(root, medium):
    """The file systems of one exhibit."""
    parts = [(name, Descriptor(os.open(root / "media" / name, os.O_RDONLY))) for name in medium["files"]]
    if not medium["filesystem"]:
        if found := phone.open_archive(parts[0][1]):
            yield found[1]
        return
    image = open_image(parts)
    keys = tuple(filter(None, (medium["password"],)))
    for found in volume.scan(image, keys):
        if isinstance(found, volume.Volume) and found.kind in ("ntfs", "fat", "exfat", "ext"):
            yield mount(found.kind, volume.open_volume(image, found.layers, keys))


@pytest.mark.parametrize("name", ["tiny1", pytest.param("small1", marks=pytest.mark.slow)])
def test_files_come_out_as_they_went_in(name):
    root = HAULS / name
    if not (root / "truth").is_dir():
        pytest.skip("no haul with its truth is beside this checkout")
    truth = [f for f in rows(root / "truth" / "files.jsonl") if not f["chain"] and f["state"] in STATES]
    found: dict[tuple[str, str], set[str]] = {}
    for medium in rows(root / "truth" / "media.jsonl"):
        for system in systems(root, medium):
            for entry in split(system)[0]:
                if not entry.directory:
                    key = (medium["exhibit"], entry.path)
                    found.setdefault(key, set()).add(sha(system.open(entry.locator)))
    wanted = Counter(f["state"] for f in truth)
    right = Counter(f["state"] for f in truth if f["sha256"] in found.get((f["exhibit"], f["path"]), ()))
    assert right["live"] >= 0.995 * wanted["live"] > 0
    for state in STATES[1:]:
        assert right[state] >= 0.99 * wanted[state] > 0, state

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moisson.address import Address
from moisson.engine.extents import extents, medium_of
from moisson.engine.messages import Opening, Place
from moisson.engine.opened import Opened
from moisson.reader import Window
from moisson.settings import Settings

MEDIA = Path(__file__).parents[2] / "demo" / "media"
IMAGES = ["AMP-001", "AMP-002", "AMP-003"]


@pytest.fixture(params=IMAGES)
def opened(request):
    paths = sorted(p for p in MEDIA.iterdir() if p.name.startswith(request.param))
    descriptors = [os.open(p, os.O_RDONLY) for p in paths]
    yield Opened(request.param, Opening("image", tuple(p.name for p in paths), Settings()), descriptors)
    for descriptor in descriptors:
        os.close(descriptor)


def test_an_extent_holds_the_bytes_of_its_item(opened):
    checked = 0
    for place in opened.places():
        if not isinstance(place, Place) or place.kind in ("unknown", "gap", "swap"):
            continue
        where = "/".join((opened.exhibit, *place.layers))
        for extent in extents(opened, place):
            data, _ = opened.file(Address.parse(extent.address))
            if extent.state != "live" or extent.address == where:
                continue
            medium = opened.medium(medium_of(place.layers))
            raw = Window(medium, extent.offset, extent.length).pread(0, extent.length)
            assert data.pread(extent.at, extent.length) == raw, extent
            checked += extent.length
    assert checked > 100_000


def test_slack_begins_where_its_item_ends(opened):
    for place in opened.places():
        if isinstance(place, Place) and place.kind not in ("unknown", "gap", "swap"):
            for extent in extents(opened, place):
                size = opened.file(Address.parse(extent.address))[0].size
                if extent.state == "slack":
                    assert extent.at >= size
                elif extent.state == "live":
                    assert extent.at + extent.length <= size


def test_the_medium_of_a_volume_is_what_was_unlocked_last():
    assert medium_of(("p2",)) == ()
    assert medium_of(("p2", "bde", "p1")) == ("p2", "bde")
    assert medium_of(("luks",)) == ("luks",)

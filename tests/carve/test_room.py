"""Logs, hives and databases that lie in two pieces, the gap among their chunks or among the zeros at their end."""

from __future__ import annotations

import random

import pytest

from moisson.carve.find import find
from moisson.carve.ground import Carved
from moisson.reader import Reader
from tests.carve.made import evtx
from tests.conftest import unpack

LOG = "windows/plaso/evtx/System.evtx.gz"
CLUSTER = 4096


def first(data: bytes) -> Carved:
    return next(find(Reader.of(data)))


def content(data: bytes, carved: Carved) -> bytes:
    return b"".join(data[at : at + n] for at, n in carved.extents)


def parted(data: bytes, cut: int, gap: bytes) -> bytes:
    return data[:cut] + gap + data[cut:] + random.Random(9).randbytes(CLUSTER)


@pytest.mark.corpus
@pytest.mark.parametrize("cluster", [1, 17, 19, 110, 249, 433, 440, 500])
@pytest.mark.parametrize("way", ["text", "random"])
def test_an_event_log_in_two_pieces_is_joined(corpora, cluster, way):
    data = unpack(corpora / LOG)
    gap = (b"words of old " * 1000)[: 2 * CLUSTER] if way == "text" else random.Random(cluster).randbytes(3 * CLUSTER)
    shot = parted(data, cluster * CLUSTER, gap)
    found = first(shot)
    assert content(shot, found) == data
    assert "rejoined" in found.flags


def test_a_log_that_was_cut_off_does_not_go_on_in_another():
    log, other = evtx(4), evtx(3)
    found = first(log[: 4096 + 2 * 65536] + random.Random(1).randbytes(CLUSTER) + other)
    assert found.flags == ("truncated",)
    assert found.size == 4096 + 2 * 65536


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "cut"), [(LOG, 2_002_944), ("browsers/plaso/firefox/firefox_10_cookies.sqlite.gz", 331_776)]
)
def test_foreign_clusters_among_the_zeros_at_the_end_are_left_out(corpora, name, cut):
    data = unpack(corpora / name)
    assert first(data + random.Random(3).randbytes(CLUSTER)).extents == ((0, len(data)),)
    shot = parted(data, cut, random.Random(2).randbytes(2 * CLUSTER))
    found = first(shot)
    assert content(shot, found) == data
    assert found.flags == ("rejoined", "uncertain")

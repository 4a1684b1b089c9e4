"""What a listing learnt of plain streams is what their records say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import EvidenceError
from moisson.evidence import learnt
from moisson.evidence.learnt import Learnt, Plain
from moisson.evidence.ntfs import Ntfs
from moisson.reader import Memory
from tests.conftest import unpack

from .specimens import mutated, split


def told(system, locator):
    try:
        return system.open(locator).whole(), system.slack(locator).whole(), system.extents(locator)
    except EvidenceError as error:
        return type(error)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ntfs", "dfir_ntfs/ntfs3", "dfir_ntfs/ntfs3_attrlist"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bytes_slack_and_place_are_the_same_with_a_listing_and_without(corpora, name, seed):
    data = unpack(corpora / "filesystems" / f"{name}.raw.gz")
    system = Ntfs(Memory(mutated(data, seed, len(data)) if seed else data))
    locators = [e.locator for e in split(system)[0] if not e.directory]
    assert any(system._plain(locator) for locator in locators)
    for locator in locators:
        assert told(system, locator) == told(Ntfs(system.medium), locator)


@given(st.lists(st.tuples(st.integers(0, 1 << 48), st.integers(0, 1 << 16)), unique=True))
def test_each_stream_is_found_again_and_no_other(keys):
    kept = Learnt()
    for place, key in enumerate(sorted(keys)):
        kept.add(*key, Plain(place, 4096, 100, 50))
    assert [kept.find(*key) for key in sorted(keys)] == [Plain(n, 4096, 100, 50) for n in range(len(keys))]
    assert kept.find(1 << 50, 1) is None


def test_what_comes_out_of_order_or_is_too_much_is_not_kept(monkeypatch):
    monkeypatch.setattr(learnt, "MOST", 2)
    kept = Learnt()
    for number in (7, 3, 8, 9):
        kept.add(number, 1, Plain(number, 1, 1, 1))
    assert len(kept) == 2
    assert [kept.find(number, 1) is not None for number in (7, 3, 8, 9)] == [True, False, True, False]

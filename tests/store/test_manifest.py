from __future__ import annotations

import pytest

from moisson.errors import CaseError
from moisson.model import Exhibit, Judgement
from moisson.store.manifest import Descriptor, Manifest, Unit


@pytest.fixture
def manifest(tmp_path):
    manifest = Manifest(tmp_path / "manifest.db")
    manifest.add_exhibits([Exhibit("E1", "d@1", "E1"), Exhibit("E2", "d@1", "E2")])
    return manifest


def units(*names, **more):
    return [Unit(name, "E1", "skim", float(n), 10, f'{{"n":{n}}}', **more) for n, name in enumerate(names)]


def test_the_most_valuable_units_come_first(manifest):
    assert manifest.add_units(units("a", "b", "c")) == 3
    assert manifest.add_units(units("c", "d")) == 1
    assert [(u.id, u.tries, u.payload) for u in manifest.next_units(2)] == [("c", 1, '{"n":2}'), ("b", 1, '{"n":1}')]
    assert [u.id for u in manifest.next_units(5, ["harvest"])] == []
    assert manifest.put_back(["b"]) == 1
    assert [(u.id, u.tries) for u in manifest.next_units(5, ["skim"])] == [("b", 2), ("d", 1), ("a", 1)]
    assert manifest.put_back() == 4
    assert {(p.state, p.units, p.cost) for p in manifest.progress()} == {("todo", 4, 40.0)}


def test_the_first_publisher_wins(manifest):
    manifest.add_units(units("a"))
    assert manifest.publish(Descriptor("a", "E1", "s1", {"items": 3}, 9), units("b"))
    assert not manifest.publish(Descriptor("a", "E1", "s2"), units("c"))
    assert [(d.unit, d.name, d.counts, d.bytes) for d in manifest.live()] == [("a", "s1", {"items": 3}, 9)]
    assert manifest.done() == {"a"}
    assert set(manifest.retired()) == {"s2"}
    assert [u.id for u in manifest.next_units(9)] == ["b"]


def test_publishing_the_same_segment_twice_does_not_doom_it(manifest):
    manifest.publish(Descriptor("a", "E1", "s1"))
    assert not manifest.publish(Descriptor("a", "E1", "s1"))
    assert manifest.retired() == {}


def test_replacing_is_all_or_nothing(manifest):
    for name in "ab":
        manifest.publish(Descriptor(name, "E1", f"s{name}"))
    assert not manifest.publish(Descriptor("x", "E1", "sx"), replaces=["a", "gone"])
    assert [d.unit for d in manifest.live()] == ["a", "b"]
    assert manifest.publish(Descriptor("y", "E1", "sy"), replaces=["a", "b"])
    assert [d.unit for d in manifest.live()] == ["y"]
    assert manifest.done() == {"a", "b", "y"}
    assert not manifest.publish(Descriptor("a", "E1", "late"))


def test_a_failing_publication_changes_nothing(manifest):
    def broken():
        yield from units("b")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        manifest.publish(Descriptor("a", "E1", "s1"), broken())
    assert manifest.live() == []
    assert manifest.next_units(5) == []


def test_a_withdrawn_exhibit_leaves_and_stays_away(manifest):
    manifest.add_units(units("a"))
    manifest.publish(Descriptor("b", "E1", "s1"))
    manifest.publish(Descriptor("c", "E2", "s2"))
    assert manifest.withdraw("E1") == ["s1"]
    assert [d.unit for d in manifest.live()] == ["c"]
    assert [e.id for e in manifest.exhibits()] == ["E2"]
    assert not manifest.publish(Descriptor("b", "E1", "s3"))
    assert manifest.next_units(5) == []


def test_tags_and_judgements(manifest):
    manifest.tag("E1/a", "urgent", "ann", 5)
    assert manifest.tags("E1/a") == [("E1/a", "urgent", "ann", 5)]
    assert manifest.untag("E1/a", "urgent", 6) == 1
    assert manifest.tags() == []
    opinion = Judgement("E1", "j@1", ("a", "b"), "same", author="ann")
    manifest.add_judgement(opinion)
    manifest.add_judgement(opinion)
    assert manifest.judgements() == [opinion]


def test_what_is_no_manifest_is_refused(tmp_path):
    with pytest.raises(CaseError, match="no case"):
        Manifest(tmp_path / "manifest.db", readonly=True)
    (tmp_path / "manifest.db").write_bytes(b"junk" * 1000)
    with pytest.raises(CaseError):
        Manifest(tmp_path / "manifest.db")
    other = Manifest(tmp_path / "other.db")
    other.set_setting("version", "99")
    with pytest.raises(CaseError, match="layout 99"):
        Manifest(tmp_path / "other.db", readonly=True)


def test_the_last_pass_waits_for_the_others_of_its_exhibit(manifest):
    manifest.add_units([Unit("raw", "E1", "sweep", 9), Unit("file", "E1", "harvest"), Unit("other", "E2", "sweep")])
    assert [u.id for u in manifest.next_units(9)] == ["file", "other"]
    assert manifest.next_units(9) == []
    manifest.publish(Descriptor("file", "E1", "s1"))
    assert [u.id for u in manifest.next_units(9)] == ["raw"]

from __future__ import annotations

from types import SimpleNamespace

import pytest

from moisson.engine import messages as m
from moisson.engine.hand import InHand
from moisson.engine.worker import Worker
from moisson.model import Failure, Item
from moisson.settings import Settings

MEMBERS = [f"E/dir:a.zip/zip:{n}" for n in range(6)]
WHOLE = "E/dir:a.zip"


def item(address: str) -> Item:
    return Item(address, "engine.read@1", "x", "x")


class Reading:
    """A child that reads an archive of six members and breaks where it is told to, as often as it is told to."""

    def __init__(self, breaks: dict[str, list[str]]) -> None:
        self.breaks, self.asked = breaks, list[m.Read]()

    def call(self, exhibit, request, seconds, take):
        self.asked.append(request)
        take(m.Begin(WHOLE))
        for address in () if request.plain else MEMBERS:
            take(m.Begin(address))
            if address not in request.avoid and self.breaks.get(address):
                return self.breaks[address].pop(0), "it broke"
            take(m.Batch(address, (item(address),)))
        if not request.plain and self.breaks.get(WHOLE):
            return self.breaks[WHOLE].pop(0), "it broke"
        take(m.Batch(WHOLE, (item(WHOLE),)))
        return "ok", ""


def read(breaks: dict[str, list[str]]) -> tuple[list[str], list[Failure], Reading]:
    """The addresses of the items written, in order, the failures, and what was asked."""
    written, child = [], Reading(breaks)
    worker = Worker.__new__(Worker)
    worker.settings, worker.supply = Settings(), SimpleNamespace(call=child.call)
    hand = InHand(lambda record, _: written.append(record), WHOLE)
    worker._persist(hand, m.Read("E", m.Wanted(WHOLE, "a.zip", "a.zip")), 1000, WHOLE)
    failures = [record for record in written if isinstance(record, Failure)]
    return [record.address for record in written if isinstance(record, Item)], failures, child


def test_an_undisturbed_reading_is_written_once():
    assert read({})[:2] == ([*MEMBERS, WHOLE], [])


@pytest.mark.parametrize("kind", ["crash", "timeout"])
@pytest.mark.parametrize("at", range(6))
def test_one_break_costs_nothing(kind, at):
    items, failures, child = read({MEMBERS[at]: [kind]})
    assert (items, failures) == ([*MEMBERS, WHOLE], [])
    assert len(child.asked) == 2


@pytest.mark.parametrize("at", range(6))
def test_two_breaks_cost_the_member_at_fault_its_content_only(at):
    items, failures, child = read({MEMBERS[at]: ["crash", "crash"]})
    assert items == [*MEMBERS, WHOLE]
    assert [(f.address, f.kind) for f in failures] == [(MEMBERS[at], "crash")]
    assert child.asked[-1].avoid == (MEMBERS[at],)


def test_want_of_memory_is_not_tried_again():
    items, failures, child = read({MEMBERS[2]: ["memory"]})
    assert items == [*MEMBERS, WHOLE]
    assert [(f.address, f.kind) for f in failures] == [(MEMBERS[2], "memory")]
    assert len(child.asked) == 2


def test_two_members_at_fault_are_both_named():
    items, failures, _ = read({MEMBERS[1]: ["memory"], MEMBERS[4]: ["memory"]})
    assert items == [*MEMBERS[:5], WHOLE] or items == [*MEMBERS, WHOLE]
    assert [f.address for f in failures] == [MEMBERS[1], MEMBERS[4]]


def test_what_breaks_at_its_own_end_is_read_plainly():
    items, failures, child = read({WHOLE: ["crash", "crash"]})
    assert items == [*MEMBERS, WHOLE]
    assert [f.address for f in failures] == [WHOLE]
    assert child.asked[-1].plain

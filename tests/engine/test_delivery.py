from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.engine import messages as m
from moisson.engine.delivery import LONGEST, LOT, PART, lots, messages
from moisson.engine.hand import InHand
from moisson.errors import LimitError
from moisson.model import Event, Item, Sighting, Text

WHERE = "E/dir:a.txt"
ITEM = Item(WHERE, "engine.read@1", "a.txt", "a.txt")


def seen(n, context=""):
    return [
        Sighting(f"{WHERE}/t:{i}+5", "find.text@1", "email", f"{i}@b.example", "x", WHERE, context) for i in range(n)
    ]


def delivered(records, hand=None):
    """What the trusted side writes of them, and the messages that went over."""
    written = []
    hand = hand or InHand(lambda record, _: written.append(record), WHERE)
    sent = [m.encode(m.Begin(WHERE)), *messages(WHERE, records)]
    for message in sent:
        hand.take(m.replies.decode(message))
    assert hand.stack == []
    return written, sent


@pytest.mark.parametrize("text", ["", "a" * PART, "\U000103a0b\0" * PART, "\1" * (3 * PART + 7)])
def test_a_text_of_any_length_arrives_whole_in_short_messages(text):
    written, sent = delivered([ITEM, Text(WHERE, "engine.read@1", text), *seen(3)])
    assert written == [ITEM, Text(WHERE, "engine.read@1", text), *seen(3)]
    assert max(map(len, sent)) <= LONGEST


def test_many_records_arrive_in_lots_with_the_item_last():
    records = [ITEM, Text(WHERE, "engine.read@1", "words"), *seen(2 * LOT + 5)]
    written, sent = delivered(records)
    assert sorted(map(repr, written)) == sorted(map(repr, records))
    assert written.index(ITEM) == 2 * LOT
    assert len(sent) == 2 + 2 * 2


def test_heavy_records_are_parted_by_their_size():
    records = [ITEM, Text(WHERE, "engine.read@1", "b" * PART), *seen(30, "c" * 400_000)]
    written, sent = delivered(records)
    assert sorted(map(repr, written)) == sorted(map(repr, records))
    assert max(map(len, sent)) <= LONGEST


def test_a_record_that_cannot_be_parted_goes_as_it_is():
    event = Event(WHERE, "extract.x@1", "message", text="d" * (LONGEST + 1))
    assert sorted(map(repr, delivered([ITEM, event])[0])) == sorted(map(repr, [ITEM, event]))


def test_parts_of_a_batch_that_is_known_are_passed_over():
    records = [ITEM, Text(WHERE, "engine.read@1", "e" * (2 * PART + 1))]
    written = []
    hand = InHand(lambda record, _: written.append(record), WHERE)
    hand.skip = 1
    delivered(records, hand)
    assert (written, hand.parts) == ([], [])


@pytest.mark.parametrize("sent", range(5))
def test_a_child_that_dies_within_a_text_and_reads_it_again_doubles_nothing(sent):
    records = [ITEM, Text(WHERE, "engine.read@1", "g" * (3 * PART + 1)), *seen(2)]
    written = []
    hand = InHand(lambda record, _: written.append(record), WHERE)
    for message in [m.encode(m.Begin(WHERE)), *messages(WHERE, records)][:sent]:
        hand.take(m.replies.decode(message))
    assert hand.broken()[0] == WHERE
    delivered(records, hand)
    assert written == records


def test_a_text_longer_than_was_agreed_is_refused():
    hand = InHand(lambda *_: None, WHERE)
    hand.longest = PART
    with pytest.raises(LimitError):
        delivered([ITEM, Text(WHERE, "engine.read@1", "f" * (3 * PART))], hand)


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 7))
def test_lots_keep_order_number_and_weight(weights, most):
    made = list(lots(iter(weights), most, int, 60))
    assert [each for lot in made for each in lot] == weights
    assert all(lot and len(lot) <= most and (len(lot) == 1 or sum(lot) <= 60) for lot in made)

"""Numbers of fields are read as the text around them tells."""

from __future__ import annotations

import pytest

from moisson.engine.agree import agree
from moisson.model import Event, Party, Sighting
from moisson.selectors.find import Context, find

CASE = Context()
STATED = "+9647911123456"


def sightings(text: str) -> list[Sighting]:
    return [Sighting("E1/f/t:0+1", "find.text@1", f.kind, f.value, f.raw) for f in find(text, CASE)]


def fields() -> tuple[Sighting, Event]:
    return (
        Sighting("E1/f/m:a", "x@1", "phone", STATED, "07911123456"),
        Event("E1/f/e:0", "x@1", "call", parties=(Party("sender", "phone", STATED), Party("owner", "email", "a@b.fr"))),
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("number: 07911123456; normal: +447911123456", "+447911123456"),
        ("يمر في بغداد هاتف ٠٧٩١١١٢٣٤٥٦", STATED),
        ("+9647911123456 and +447911123456, 07911123456", STATED),
        ("nothing", STATED),
    ],
)
def test_fields_agree_with_the_text(text: str, value: str) -> None:
    sighting, event = agree(fields(), sightings(text), CASE)
    assert isinstance(sighting, Sighting)
    assert isinstance(event, Event)
    assert sighting.value == value
    assert [p.value for p in event.parties] == [value, "a@b.fr"]

"""Values that mean another one: national numbers that the case knows better, positions a few steps from each other.

A national number is read in the first region it fits. Where another region's reading of the same digits is seen in an
international form, and this one nowhere is, that reading is the likelier one. Positions of one place differ by how they
were written (whole seconds, metres of a grid), so those within `NEAR` degrees of one seen more often mean that.
"""

from __future__ import annotations

from collections import defaultdict
from math import cos, radians
from typing import TYPE_CHECKING, NamedTuple

from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse, region_code_for_number

from moisson.selectors.fold import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.store.query import Reader

Key = tuple[str, str]

NEAR = 0.0003
SUFFIX = 6
MOST = 2_000_000
_ASKED = "select value, raw, count(*) n from sightings where kind = ? group by all order by all limit ?"


class _Seen(NamedTuple):
    """How a number is written in a case: in an international form or not, and its national forms."""

    abroad: set[str]
    national: dict[str, set[str]]


def aliases(reader: Reader) -> dict[Key, str]:
    """Selectors of a case that mean another value of their kind, and which."""
    found = {("phone", value): better for value, better in _misread(_numbers(reader)).items()}
    counts: dict[str, int] = defaultdict(int)
    for value, _, n in reader.sql(_ASKED, "coords", MOST):
        counts[value] += n
    return found | {("coords", value): place for value, place in _merged(counts).items()}


def _numbers(reader: Reader) -> _Seen:
    seen = _Seen(set(), defaultdict(set))
    for value, raw, _ in reader.sql(_ASKED, "phone", MOST):
        if value.startswith("+"):
            if _international(raw):
                seen.abroad.add(value)
            else:
                seen.national[value].add(raw)
    return seen


def _international(raw: str) -> bool:
    """Whether a number says its country itself."""
    text = plain(raw).strip().lower().removeprefix("tel:").lstrip("( ")
    return text.startswith(("+", "00")) or "@" in text or "wa.me" in text


def _misread(seen: _Seen) -> dict[str, str]:
    by_end: dict[str, list[str]] = defaultdict(list)
    for value in seen.abroad:
        by_end[value[-SUFFIX:]].append(value)
    found: dict[str, str] = {}
    for value, raws in seen.national.items():
        if value in seen.abroad:
            continue
        others = [o for o in by_end.get(value[-SUFFIX:], ()) if all(_reads(raw, o) for raw in raws)]
        if len(others) == 1:
            found[value] = others[0]
    return found


def _reads(raw: str, value: str) -> bool:
    """Whether a national form can be read as this number in the number's own region."""
    try:
        region = region_code_for_number(parse(value))
        return bool(region) and format_number(parse(plain(raw), region), PhoneNumberFormat.E164) == value
    except NumberParseException:
        return False


def _merged(counts: dict[str, int]) -> dict[str, str]:
    leaders: dict[tuple[int, int], list[tuple[float, float, str]]] = defaultdict(list)
    found: dict[str, str] = {}
    for value in sorted(counts, key=lambda v: (-counts[v], v)):
        if (position := _position(value)) is None:
            continue
        lat, lon = position
        if leader := _nearest(lat, lon, leaders):
            found[value] = leader
        else:
            leaders[_cell(lat), _cell(lon)].append((lat, lon, value))
    return found


def _position(value: str) -> tuple[float, float] | None:
    lat, _, lon = value.partition(",")
    try:
        return float(lat), float(lon)
    except ValueError:
        return None


def _cell(degrees: float) -> int:
    return int(degrees // NEAR)


def _nearest(lat: float, lon: float, leaders: dict[tuple[int, int], list[tuple[float, float, str]]]) -> str:
    wide = max(cos(radians(lat)), 0.1)
    close = (
        (abs(a - lat) + abs(b - lon) * wide, value)
        for a, b, value in _around(_cell(lat), _cell(lon), leaders)
        if abs(a - lat) <= NEAR and abs(b - lon) <= NEAR
    )
    return min(close, default=(0.0, ""))[1]


def _around(
    x: int, y: int, leaders: dict[tuple[int, int], list[tuple[float, float, str]]]
) -> Iterator[tuple[float, float, str]]:
    cells: Iterable[tuple[int, int]] = ((x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
    for cell in cells:
        yield from leaders.get(cell, ())

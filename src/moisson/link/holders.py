"""Whose device an exhibit is, as the device itself states."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moisson.store.query import Reader

_MOST = 200
_QUERY = """select exhibit, kind, value, count(*) n from sightings where role = ? and kind in (select unnest(?))
    group by all order by exhibit, n desc, kind, value"""
OWN = ("phone", "email", "account", "imsi", "name")
PARTS = ("ssid", "mac", "imei", "imsi", "iccid")


def holders(reader: Reader) -> dict[str, list[tuple[str, str]]]:
    """By exhibit, the numbers, addresses and names that it calls its owner's, the most frequent first."""
    return _stated(reader, "owner", OWN)


def parts(reader: Reader) -> dict[str, list[tuple[str, str]]]:
    """By exhibit, what it states of itself: its numbers and the networks it knows."""
    return _stated(reader, "device", PARTS)


def _stated(reader: Reader, role: str, kinds: tuple[str, ...]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for exhibit, kind, value, _ in reader.stream(_QUERY, role, list(kinds)):
        if len(found[exhibit]) < _MOST:
            found[exhibit].append((kind, value))
    return dict(found)

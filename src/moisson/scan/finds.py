"""The finds of a block: of marks that overlap the surer one, and each as a sighting with the line around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson import native
from moisson.model import Sighting
from moisson.reader import Reader
from moisson.scan.decode import decode

if TYPE_CHECKING:
    from moisson.scan.near import Mark

VERSION = "sweep.scan@1"
_RANKS = {
    "secret": 0, "url": 1, "email": 1, "account": 1, "onion": 1, "iban": 2, "crypto": 2, "passport": 2, "mac": 3,
    "coords": 3, "imei": 4, "iccid": 4, "imsi": 4, "card": 5, "ipv4": 5, "phone": 6, "name": 7, "date": 7, "pgp": 3,
}  # fmt: skip
_NESTED = frozenset({"name", "date", "passport"})
_CONTEXT = 60
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffd]+")


def settle(marks: list[Mark]) -> list[Mark]:
    """The marks in order; of two that overlap, the surer kind, then the longer one."""
    chosen: list[Mark] = []
    aside: list[Mark] = []
    for mark in sorted(marks):
        if mark.scheme or mark.kind in _NESTED:
            if mark not in aside:
                aside.append(mark)
            continue
        if mark.kind == "coords" and chosen and chosen[-1].kind == "url" and mark.end <= chosen[-1].end:
            # The address of a map says both.
            if mark not in aside:
                aside.append(mark)
            continue
        if not chosen or mark.start >= chosen[-1].end:
            chosen.append(mark)
            continue
        while chosen and mark.start < chosen[-1].end:
            if _surer(chosen[-1], mark):
                break
            chosen.pop()
        else:
            chosen.append(mark)
    return sorted(chosen + aside) if aside else chosen


def _surer(one: Mark, other: Mark) -> bool:
    ranks = _RANKS.get(one.kind, 5), _RANKS.get(other.kind, 5)
    return ranks[0] < ranks[1] or (ranks[0] == ranks[1] and one.end - one.start >= other.end - other.start)


def sighting(data: bytes, mark: Mark, prefix: str, at: int) -> Sighting:
    """A mark in data that begins at an offset of the layer which `prefix` leads to."""
    start, end, scheme = mark.start, mark.end, mark.scheme
    address = f"{prefix}/@{at + start}+{end - start}"
    raw = data[start:end]
    if scheme:
        address, text = f"{address}/{scheme}", decode(scheme, Reader.of(raw)).data.decode()
    elif raw.isascii():
        text = raw.decode("ascii")
    else:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text, address = raw.decode("latin-1"), f"{address}/latin1"
    return Sighting(
        address, VERSION, mark.kind, mark.value, text, "", context(data, start, end), "mentioned", mark.confidence
    )


def context(data: bytes, start: int, end: int) -> str:
    """What stands around a range, as one line."""
    first, last = start - _CONTEXT if start > _CONTEXT else 0, end + _CONTEXT
    if native.code:
        line = native.code.line(data, first, min(len(data), last))
        if line is not None:
            return line
    return as_line(data[first:last].decode("utf-8", "replace"))


def as_line(around: str) -> str:
    """Text without its controls."""
    return around if around.isprintable() else _CONTROL.sub(" ", around).strip()

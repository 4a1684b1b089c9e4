"""Instants that say how exact they are and whose clock they were read from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

Precision = Literal["ns", "100ns", "us", "ms", "10ms", "s", "2s", "min", "day", "month", "year"]
Zone = Literal["utc", "local", "unknown"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_SECONDS = 253_402_300_799
_FILETIME_EPOCH = 116_444_736_000_000_000
_FILETIME_END = _FILETIME_EPOCH + (_MAX_SECONDS + 1) * 10_000_000


class Instant(Struct, frozen=True, gc=False, array_like=True):
    """A moment: `ns` since 1970-01-01 UTC, or on the wall clock of an unknown place where `zone` is not "utc"."""

    ns: int
    precision: Precision = "ns"
    zone: Zone = "utc"

    def __str__(self) -> str:
        """ISO 8601, to the second; `Z` only where the zone is known."""
        seconds = self.ns // 1_000_000_000
        if not -62_135_596_800 <= seconds <= _MAX_SECONDS:
            return f"@{self.ns}ns"
        text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        return text + "Z" if self.zone == "utc" else text


def from_unix(seconds: float, precision: Precision = "s") -> Instant | None:
    """Seconds since 1970 UTC; None for zero and for moments outside the years 1 to 9999."""
    return _instant(
        round(seconds * 1_000_000_000) if isinstance(seconds, float) else seconds * 1_000_000_000, precision
    )


def from_filetime(ticks: int) -> Instant | None:
    """Windows FILETIME: 100 ns since 1601 UTC ([MS-DTYP] 2.3.3); None for zero."""
    inside = 0 < ticks < _FILETIME_END and ticks != _FILETIME_EPOCH
    return Instant((ticks - _FILETIME_EPOCH) * 100, "100ns") if inside else None


def from_datetime(moment: datetime, precision: Precision = "s") -> Instant:
    """A `datetime`; without a zone it is wall-clock time of an unknown place."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - _EPOCH
    ns = (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
    return Instant(ns, precision, "utc" if moment.tzinfo else "unknown")


def from_iso(text: str) -> Instant | None:
    """ISO 8601 with or without zone; None if it is not that."""
    try:
        return from_datetime(datetime.fromisoformat(text.strip()))
    except ValueError:
        return None


def now() -> Instant:
    """This machine's clock."""
    return from_datetime(datetime.now(UTC), "us")


def _instant(ns: int, precision: Precision) -> Instant | None:
    inside = ns != 0 and -62_135_596_800 <= ns // 1_000_000_000 <= _MAX_SECONDS
    return Instant(ns, precision) if inside else None

"""How a cell shows its number: plain digits, dates, and the masks that people use for telephone numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE = re.compile(r"[ymdhs]", re.IGNORECASE)
_MASK = re.compile(r'(?:0|#|[ \-.()+/]|\\.|"[^"]{0,40}"|_.|\*.)+')
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|([0#])|[_*].|([ \-.()+/])')
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30, tzinfo=UTC), datetime(1904, 1, 1, tzinfo=UTC)
_MAX_SERIAL = 2_958_465


def is_date(number: int, code: str) -> bool:
    """Whether a number format, by its identifier or its code, shows dates or times (ECMA-376 part 1 §18.8.30)."""
    if code:
        first = _QUOTED.sub("", code.partition(";")[0])
        return bool(_DATE.search(first)) and "general" not in first.lower()
    return number in _BUILT_IN_DATES


def number_text(value: float) -> str:
    """A number without the noise of floating point: 33612345678, not 33612345678.0."""
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if abs(value) < 1e17 and value == int(value):
        return str(int(value))
    return f"{value:.15g}"


def shown(value: float, number: int, code: str, *, base_1904: bool = False) -> str:
    """A number as its cell shows it."""
    if is_date(number, code):
        return date_text(value, base_1904=base_1904)
    if code and 0 <= value < 1e16 and value == int(value) and (masked := _masked(int(value), code)):
        return masked
    return number_text(value)


def date_text(serial: float, *, base_1904: bool = False) -> str:
    """A serial day as ISO 8601: a date, a time, or both."""
    if not 0 <= serial <= _MAX_SERIAL:
        return number_text(serial)
    if serial < 1:
        return (_EPOCH_1900 + timedelta(seconds=round(serial * 86400))).strftime("%H:%M:%S")
    if serial < 60 and not base_1904:
        serial += 1  # the 29th of February 1900, which Excel counts and which never was
    moment = (_EPOCH_1904 if base_1904 else _EPOCH_1900) + timedelta(seconds=round(serial * 86400))
    return moment.strftime("%Y-%m-%d" if serial == int(serial) else "%Y-%m-%d %H:%M:%S")


def _masked(value: int, code: str) -> str:
    """The digits of a whole number in a mask such as `00 00 00 00 00`, or "" if the format is no mask."""
    first = code.partition(";")[0]
    if first.count("0") < 3 or not _MASK.fullmatch(first) or re.fullmatch(r"[0#,]+\.0+", first):
        return ""
    digits, out = str(value), []
    tokens = list(_TOKEN.finditer(first))
    for i, m in enumerate(reversed(tokens)):
        if not m[3]:
            out.append(m[1] or m[2] or m[4] or "")
        elif digits or m[3] == "0":
            last = not any(t[3] for t in tokens[: len(tokens) - 1 - i])
            take, digits = (digits, "") if last and digits else (digits[-1:] or "0", digits[:-1])
            out.append(take)
    return "".join(reversed(out))

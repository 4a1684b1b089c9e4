"""What begins with a digit: each number in the text is asked, in the order of how sure the answer can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.selectors import dialled, hardware, identifiers, money, places, plates, regions, wireless
from moisson.selectors.kind import Context, Hit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.selectors.fold import Folded

_DIGITS = re.compile("[0-9]+")
_WORD = re.compile("[0-9A-Za-z]+")
_CLOCK = re.compile(r"\d{1,2}(?::\d{2}){1,2}(?:[.,]\d{1,9})?")
_BIRTH = re.compile(
    r"(?:\bn[ée]e?\b.{0,4}le|\bborn\b.{0,3}(?:on)?|date de naissance|naissance|birth|dob|geboren|doğum"
    r"|المواليد|الميلاد|مواليد|تولد)[^\d\n]{0,12}$"
)
_GERMAN = re.compile(r"[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} $")
_LONGEST_WORD = 100


def seek_numbers(page: Folded, ctx: Context, near: Callable[[int], str], taken: bytearray) -> Iterator[Hit]:
    """Every selector that starts at a digit, or is a word with a digit in it, outside of what is taken."""
    text = page.text
    at = 0
    around = regions.Around(page, ctx)
    for m in _DIGITS.finditer(text):
        start, end = m.span()
        if start < at or taken[start]:
            continue
        before, after = text[start - 1 : start], text[end : end + 1]
        if (before.isalpha() and before.isascii()) or (after.isalpha() and after.isascii()):
            first, at = _bounds(text, start, end)
            hits = _word(page, first, at, ctx)
        else:
            hits, at = _number(page, start, end, before, after, ctx, near(start), around), end
        for hit in hits:
            if taken.find(1, hit.start, hit.end) < 0:
                at = max(at, hit.end)
                yield hit
        if skip := _skipped(text, start, end, after, hits):
            at = max(at, skip)


def _bounds(text: str, start: int, end: int) -> tuple[int, int]:
    first = start
    while first and start - first < _LONGEST_WORD and text[first - 1].isascii() and text[first - 1].isalnum():
        first -= 1
    m = _WORD.match(text, start)
    return first, m.end() if m else end


def _skipped(text: str, start: int, end: int, after: str, hits: list[Hit]) -> int:
    """Where a date or a time of day ends, so that nothing is read out of its middle."""
    if hits:
        return 0
    if after == ":" and (m := _CLOCK.match(text, start)):
        return m.end()
    if after in ("-", "/", ".") and after and (found := identifiers.date_end(text, start)):
        return found[1]
    return 0


def _word(page: Folded, first: int, last: int, ctx: Context) -> list[Hit]:
    """A word of letters and digits."""
    token = page.text[first:last]
    around = page.text[first - 1 : first], page.text[last : last + 1]
    if around[0] in ("-", "_") and around[0] and (hit := wireless.default_at(page, first)):
        return [hit]
    if "_" in around or len(token) > 90:
        return []
    hit = money.token_hit(token, first, ctx) if len(token) >= 15 else None
    hit = hit or identifiers.digest_hit(token, first, ctx)
    if not hit and len(token) == 4:
        hit = (
            money.grouped_iban_at(page, first, ctx)
            or identifiers.pgp_at(page.text, first)
            or plates.bare_at(page, first)
        )
    if not hit and token[0].isdigit() and len(token) <= 15:
        hit = places.mgrs_at(page, first)
    if not hit and around[0] == "-":
        hit = _plate_behind(page, first)
    return [hit] if hit else []


def _plate_behind(page: Folded, start: int) -> Hit | None:
    """A plate whose letters stand before its first digits, as in AB-123-CD."""
    first = start - 1
    while first and start - first < 4 and page.text[first - 1].isascii() and page.text[first - 1].isupper():
        first -= 1
    if first == start - 1 or (page.text[first - 1 : first].isalnum() and first):
        return None
    return plates.bare_at(page, first)


def _number(
    page: Folded, start: int, end: int, before: str, after: str, ctx: Context, near: str, around: regions.Around
) -> list[Hit]:
    """A run of digits with no letter at either side."""
    size = end - start
    text = page.text
    if before in ("-", "_") and before and (hit := wireless.default_at(page, start)):
        return [hit]
    if (before in ("_", "\\") and before) or after == "_":
        return []
    fraction = size <= 3 and after in (".", ",") and text[end + 1 : end + 2].isdigit()
    if fraction and (hit := places.decimal_at(page, start) or hardware.ipv4_at(page, start)):
        return [hit]
    if size in (1, 2, 4) and after in ("-", "/", ".") and after:
        if found := identifiers.date_end(text, start):
            return _birth(page, start, *found)
        if hit := plates.bare_at(page, start):
            return [hit]
    if hit := _plate_before(page, start, size, before, after):
        return [hit]
    if size in (4, 5) and after in (" ", "\u00a0") and (hit := places.turned_at(page, start)):
        return [hit]
    if after == ":" and size <= 2 and text[end + 1 : end + 2].isdigit():
        return []
    hit = _long(page, start, size, ctx, near) if before != "+" else None
    if size == 1 and _in_spelled(text, start):
        return [hit] if hit else []
    if not hit and (size > 1 or before in ("+", "(") or after in ("-", ".", " ", "(")):
        hit = dialled.phone_at(page, start, ctx, near, around)
    if not hit and 3 <= size <= 6 and before not in (".", ",", "-", "/", "+"):
        hit = dialled.short_at(page, start, end, ctx, near)
    return [hit] if hit else []


def _in_spelled(text: str, start: int) -> bool:
    """Whether a digit goes on with a number that is spelled digit by digit, which is read from its first digit only."""
    before = text[max(0, start - 3) : start]
    return before[-1:] in (" ", "(") and before[-2:-1].isdigit() and not before[:-2].isdigit()


def _plate_before(page: Folded, start: int, size: int, before: str, after: str) -> Hit | None:
    text = page.text
    if before == "-" and text[start - 2 : start - 1].isupper():
        return _plate_behind(page, start)
    if before == " " and size <= 4 and text[start - 2 : start - 1].isupper():
        m = _GERMAN.search(text, max(0, start - 8), start)
        return plates.bare_at(page, m.start()) if m and not text[m.start() - 1 : m.start()].isalnum() else None
    if after == " " and size <= 3 and text[start + size + 1 : start + size + 2] in ("T", "ت"):
        return plates.bare_at(page, start)
    return None


def _long(page: Folded, start: int, size: int, ctx: Context, near: str) -> Hit | None:
    """Numbers of devices and cards, by the length of their first group."""
    hit = None
    if near not in ("phone", "money") and (size in (2, 8, 15, 16) or size >= 19):
        hit = identifiers.device_at(page, start, ctx, near)
    if not hit and near in ("", "money") and (size == 4 or 13 <= size <= 19):
        hit = money.card_at(page, start, ctx)
        if not hit and size == 4:
            hit = identifiers.pgp_at(page.text, start)
    return hit


def _birth(page: Folded, start: int, value: str, end: int) -> list[Hit]:
    """A date counts where the words before it say that somebody was born."""
    line = page.low[max(0, start - 40) : start].rpartition("\n")[2]
    return [Hit("date", value, start, end, 0.85)] if _BIRTH.search(line) else []

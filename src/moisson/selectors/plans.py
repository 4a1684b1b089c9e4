"""Numbering plans (ITU-T E.164): how the digits of a telephone number can be read, in the world and in given regions.

The patterns are those of `phonenumbers`; where a plan only takes a trunk prefix away, they are asked directly, which is
ten times as fast as its parser and gives the same numbers.
"""

from __future__ import annotations

import re
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from moisson.selectors.fold import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK = re.compile(r"\d+")
_TRUNK = re.compile(r"\(0\)")
_ABROAD = re.compile(r"0[^0-9]*0")
_COSTLY = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
BARE = 0.6
# A reading behind what is dialled for a call abroad is as sure as this.
ABROAD = 0.9
_LONGEST = len("+") + 15


class Reading(NamedTuple):
    """One way to read a number: E.164, the region taken for granted (empty if the number says it), how sure."""

    value: str
    region: str
    confidence: float


class _Plan:
    """How a region numbers: its code, patterns and prefixes; patterns are compiled when they are first asked.

    Of `plain` ones, without neighbours under their code, the patterns tell all; of others perhaps what is impossible.
    """

    def __init__(self, data: phonenumbers.PhoneMetadata, general: str) -> None:
        self._data, self._general = data, general
        self.code = code = data.country_code or 0
        self.trunk = trunk = data.national_prefix or ""
        self.general_tells = not data.national_prefix_transform_rule
        self.plain = (data.national_prefix_for_parsing or "") == trunk and len(COUNTRY_CODE_TO_REGION_CODE[code]) == 1

    def kind(self, national: str) -> str:
        """Whether a national number is `mobile`, `fixed`, `special`, or nothing."""
        if not self.general.fullmatch(national):
            return ""
        for kind in ("special", "mobile", "fixed"):
            if self._is(kind, national):
                return kind
        return ""

    def holds(self, national: str) -> bool:
        """Whether a national number is of any kind, asked of those first whose patterns are needed most."""
        return self._is("mobile", national) or (
            bool(self.general.fullmatch(national)) and (self._is("fixed", national) or self._is("special", national))
        )

    def _is(self, kind: str, national: str) -> bool:
        return any(pattern.fullmatch(national) for pattern in getattr(self, f"_{kind}"))

    @cached_property
    def general(self) -> re.Pattern[str]:
        """What every number of the region is."""
        return re.compile(self._general)

    @cached_property
    def abroad(self) -> re.Pattern[str]:
        """What is dialled before the code of another country."""
        return re.compile(self._data.international_prefix or "00")

    @cached_property
    def _special(self) -> list[re.Pattern[str]]:
        return _patterns(getattr(self._data, name) for name in _COSTLY)

    @cached_property
    def _mobile(self) -> list[re.Pattern[str]]:
        return _patterns([self._data.mobile])

    @cached_property
    def _fixed(self) -> list[re.Pattern[str]]:
        return _patterns([self._data.fixed_line])


@cache
def _plan(region: str) -> _Plan | None:
    data = phonenumbers.PhoneMetadata.metadata_for_region(region.upper(), None)
    if data is None or data.general_desc is None or not data.general_desc.national_number_pattern:
        return None
    return _Plan(data, data.general_desc.national_number_pattern)


def _patterns(described: Iterable[phonenumbers.PhoneNumberDesc | None]) -> list[re.Pattern[str]]:
    return [re.compile(text) for one in described if one is not None and (text := one.national_number_pattern)]


@lru_cache(maxsize=8192)
def parsed(value: str) -> PhoneNumber | None:
    """A number in E.164 as `phonenumbers` has it."""
    if not value.startswith("+"):
        return None
    try:
        return phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=8192)
def region_of(value: str) -> str:
    """The region of a number in E.164, or nothing."""
    for size in (1, 2, 3):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(value[1 : 1 + size] or "0"), ())
        if len(regions) == 1:
            return regions[0]
        if regions:
            number = parsed(value)
            return (phonenumbers.region_code_for_number(number) or "") if number else ""
    return ""


def main_region(value: str) -> str:
    """The largest region with the country code of a number in E.164, or nothing."""
    codes = (COUNTRY_CODE_TO_REGION_CODE.get(int(value[1 : 1 + size] or "0"), ()) for size in (1, 2, 3))
    return next((regions[0] for regions in codes if regions), "")


@lru_cache(maxsize=8192)
def is_mobile(value: str) -> bool:
    """Whether a number in E.164 is, or may be, that of a mobile telephone."""
    number = parsed(value)
    return number is not None and phonenumbers.number_type(number) in _MOBILE


def readings(raw: str, regions: tuple[str, ...]) -> tuple[Reading, ...]:
    """All valid readings of a number, the likeliest first; national ones in these regions."""
    return _readings(plain(raw).strip(), regions)


@lru_cache(maxsize=16_384)
def _readings(raw: str, regions: tuple[str, ...]) -> tuple[Reading, ...]:
    digits = "".join(filter(str.isdigit, raw))
    if not 7 <= len(digits) <= 17:
        return ()
    head = raw.lstrip("( ")
    if head.startswith("+"):
        found = _world(raw[raw.index("+") :], 0.98) or _from_abroad(digits, regions)
    elif digits.startswith("00"):
        found = _world(_ABROAD.sub("+", raw, count=1), 0.96) or _from_abroad(digits, regions)
    else:
        found = _national(raw, digits, regions)
        if digits[0] != "0" and len(digits) > 9 and (world := _world(digits, 0.65)):
            usual = [r for r in found if r.confidence > BARE]
            expected = region_of(world[0].value) in regions
            found = [*usual, *world, *found[len(usual) :]] if expected else [*found, *world]
    return tuple(r for r in found if len(r.value) <= _LONGEST)


def _from_abroad(digits: str, regions: tuple[str, ...]) -> list[Reading]:
    """What remains behind the digits that are dialled for a call abroad in one of these regions, or behind 00."""
    prefixes = [re.compile("00"), *(plan.abroad for region in regions if (plan := _plan(region)))]
    rests = (digits[m.end() :] for prefix in prefixes if (m := prefix.match(digits)))
    return next((found for rest in rests if (found := _world(rest, ABROAD))), [])


def _world(text: str, confidence: float) -> list[Reading]:
    """An international number with its country code; `(0)` is a trunk prefix unless only that makes it valid."""
    for attempt in dict.fromkeys((_TRUNK.sub(" ", text), text.replace("(0)", "0"))):
        if value := _e164("".join(filter(str.isdigit, attempt))):
            return [Reading(value, "", confidence)]
    return []


def _e164(digits: str) -> str:
    """The valid number with these digits after the plus, or nothing."""
    size = next((n for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), 0)
    plans = [
        plan for region in COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:size] or "0"), ()) if (plan := _plan(region))
    ]
    national = digits[size:]
    trunk = any(plan.trunk and national.startswith(plan.trunk) for plan in plans)
    if not trunk and any(plan.holds(national) for plan in plans):
        return "+" + digits
    if not trunk and (plans and all(plan.plain and plan.general_tells for plan in plans)):
        return ""
    if size == 1 and digits[0] == "1" and len(national) > 11:
        return ""
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if valid else ""


def _national(raw: str, digits: str, regions: tuple[str, ...]) -> list[Reading]:
    """National readings: those grouped as their region groups them first, then in the order of the regions."""
    found = []
    groups = _CHUNK.findall(raw)
    for rank, region in enumerate(dict.fromkeys(regions)):
        plan = _plan(region)
        if plan is None:
            continue
        if (m := plan.abroad.match(digits)) and (world := _world(digits[m.end() :], ABROAD)):
            found.append((False, False, False, rank, world[0]))
        elif one := _in_region(digits, region, plan, groups):
            bare, usual, fixed, value = one
            sure = BARE if bare else 0.85 if usual else 0.7
            found.append((bare, not usual, fixed, rank, Reading(value, region, sure)))
    return [f[4] for f in sorted(found, key=lambda f: f[:4])]


def _in_region(digits: str, region: str, plan: _Plan, groups: list[str]) -> tuple[bool, bool, bool, str] | None:
    """A valid number of one region: whether its trunk prefix lacks, its groups are usual, it is not mobile, E.164."""
    stripped = digits[len(plan.trunk) :] if plan.trunk and digits.startswith(plan.trunk) else digits
    national = stripped if plan.general.fullmatch(stripped) else digits
    if plan.general_tells and not plan.general.fullmatch(national):
        return None
    if plan.plain and plan.general_tells and national[0] != "0":
        kind = plan.kind(national)
        if not kind:
            return None
        number = PhoneNumber(plan.code, int(national))
        fixed, value = kind != "mobile", f"+{plan.code}{national}"
    else:
        try:
            number = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(number):
            return None
        fixed = phonenumbers.number_type(number) not in _MOBILE
        value = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    unprefixed = bool(plan.trunk) and stripped == digits
    if not unprefixed and len(groups) < 2:
        return False, False, fixed, value
    written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    bare = unprefixed and written.lstrip("(").startswith(plan.trunk)
    bodies = (groups, groups[1:]) if groups[0] == plan.trunk else (groups,)
    return bare, len(groups) > 1 and _CHUNK.findall(written) in bodies, fixed, value

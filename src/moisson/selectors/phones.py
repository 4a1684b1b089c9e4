"""Telephone numbers (ITU-T E.164): international forms, and national ones tried in the regions of the case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import phonenumbers
from phonenumbers import PhoneNumberFormat

from moisson.selectors import plans
from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Kind, Reason

if TYPE_CHECKING:
    from moisson.selectors.plans import Reading

_SHARED = {
    1: "+1 is shared by the United States, Canada and the Caribbean",
    7: "+7 is shared by Russia and Kazakhstan",
    44: "+44 is shared by the United Kingdom and the Channel Islands, and sold as virtual numbers",
    262: "+262 is shared by Réunion and Mayotte",
    47: "+47 is shared by Norway and Svalbard",
    61: "+61 is shared by Australia and its islands",
    590: "+590 is shared by several islands",
}
_NOWHERE = frozenset({"001", "ZZ", ""})


_SCHEME = re.compile(r"(?:[\w ]{0,20}\b)?(?:tel|sms|callto|whatsapp):[ \t]*", re.IGNORECASE)
_CONTEXT = re.compile(r";phone-context=(\+[0-9.()-]{1,20})")


def _in_context(number: str, context: str) -> str:
    """A local number of a `tel:` URI (RFC 3966) behind the prefix that it is local to."""
    region = plans.main_region("+" + "".join(filter(str.isdigit, context)))
    found = plans.readings(number, (region,)) if region else ()
    return found[0].value if found else f"{context} {number}"


class Phone(Kind):
    """A telephone number in E.164, or a short code as its digits."""

    name = "phone"
    label = "Telephone number"
    pivot = True
    strong = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip()
        if m := _SCHEME.match(text):
            text = text[m.end() :]
        chat, mark, _ = text.partition("@")
        if mark and text.endswith(("@s.whatsapp.net", "@c.us")):
            text = "+" + chat.lstrip("+").partition(":")[0].partition(".")[0]
        if m := _CONTEXT.search(text):
            text = _in_context(text.partition(";")[0], m[1])
        text = text.partition(";")[0].replace("ー", "-")
        if any(c.isalpha() for c in text) or len(text) > 60:
            return None
        digits = "".join(c for c in text if c.isdigit())
        if 3 <= len(digits) <= 6:
            return digits if text.strip(" \t-.") == digits else None
        best = readings(text, ctx)
        return best[0].value if best else None

    @classmethod
    def meanings(cls, raw: str, ctx: Context) -> tuple[str, ...]:
        first = super().meanings(raw, ctx)
        return tuple(dict.fromkeys((*first, *(r.value for r in readings(raw, ctx))))) if first else ()

    @classmethod
    def specificity(cls, value: str) -> float:
        if not value.startswith("+"):
            return 0.1
        number = plans.parsed(value)
        return 0.3 if number and phonenumbers.number_type(number) in _COSTLESS else 0.97

    @classmethod
    def caption(cls, value: str) -> str:
        number = plans.parsed(value)
        return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number else value

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        number = plans.parsed(value)
        if not number:
            return []
        code = number.country_code or 0
        region = plans.region_of(value)
        if region in _NOWHERE:
            return []
        strength = 0.3 if code in _SHARED else 0.7
        why = f"number begins with +{code}"
        if code in _SHARED:
            why += f" ({_SHARED[code]})"
        return [Reason(region, f"{why}; it may have been ported or be used abroad", strength)]


_COSTLESS = frozenset({
    phonenumbers.PhoneNumberType.TOLL_FREE, phonenumbers.PhoneNumberType.PREMIUM_RATE,
    phonenumbers.PhoneNumberType.SHARED_COST, phonenumbers.PhoneNumberType.UAN,
})  # fmt: skip


def readings(raw: str, ctx: Context) -> tuple[Reading, ...]:
    """All valid readings of a number in these circumstances, the likeliest first."""
    return plans.readings(raw, (ctx.country, *ctx.regions) if ctx.country else ctx.regions)

"""Telephone numbers (ITU-T E.164): international forms, and national ones tried in the regions of the case."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind, Reason

if TYPE_CHECKING:
    from moisson.selectors.fold import Folded

_GAP = r"[ \t\u00a0\u2009\u202f.\-\u2010-\u2013/()]"
_CLUSTER = re.compile(rf"\d(?:{_GAP}{{0,3}}\d){{5,18}}")
_CHUNK = re.compile(r"\d+")
_TRUNK = re.compile(r"\(0\)")
_LABEL = re.compile(
    r"(?:\b(?:t[ée]l[ée]?(?:phone|fon|fono)?s?|telefoon|phone|mobile|mobil|portable|gsm|cell|fax|whatsapp|viber|signal"
    r"|call|joindre au|appele[rz](?: le| au)?|num[ée]ro|numara|number|nr|contact|sms|ligne|cep|ev tel|reach \w+ on)\b"
    r"|هاتف|موبايل|جوال|محمول|تلفون|خلوي|نقال|رقم|اتصل|واتس)"
)
_SHORT_LABEL = re.compile(
    r"(?:\b(?:sms|assistance|support|service(?: client| clients)?|helpline|hotline|short ?code|num[ée]ro court|call"
    r"|appele[rz](?: le)?|compose[rz](?: le)?|text|envoye[rz] \S+ au|urgences?|kundendienst|müşteri)\b|خدمة|اتصل|الرمز)"
    r"[^\d\n@]{0,6}$"
)
_OTHER = re.compile(
    r"(?:\b(?:imei|imsi|iccid|iban|siret|siren|rcs|tva|vat|isbn|issn|serial|s/n|serie|facture|invoice|commande|order|ref"
    r"|réf|dossier|id|nir|bic|passeport|passport|cvv|code postal|zip|lot|réf[ée]rence|reference|bsn|tracking|colis"
    r"|version|port|pid|uid|mac|page|p\.)\b|[€$£#%]|eur|usd)[ \t.:n°º#]{0,6}$"
)
_MONEY = re.compile(
    r"[ \u00a0]?(?:[€$£¥%]|eur\b|usd\b|tnd\b|iqd\b|km\b|cm\b|kg\b|mb\b|gb\b|ko\b|mo\b|دينار|دولار|يورو)"
)
_GLUED = re.compile(r"(?:tel|phone|number|mobile|fax|gsm|num[ée]ro)[.\-/,]$")
_GROUPED_LEAD = frozenset("123456789")
_SHARED = {
    1: "+1 is shared by the United States, Canada and the Caribbean",
    7: "+7 is shared by Russia and Kazakhstan",
    44: "+44 is shared by the United Kingdom and the Channel Islands, and sold as virtual numbers",
    262: "+262 is shared by Réunion and Mayotte",
    47: "+47 is shared by Norway and Svalbard",
    61: "+61 is shared by Australia and its islands",
    590: "+590 is shared by several islands",
}
_MOBILE = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})
_BARE = 0.6
_NOWHERE = frozenset({"001", "ZZ", ""})


class Reading(NamedTuple):
    """One way to read a number: E.164, the region taken for granted (empty if the number says it), how sure."""

    value: str
    region: str
    confidence: float


class Phone(Kind):
    """A telephone number in E.164, or a short code as its digits."""

    name: ClassVar[str] = "phone"
    label: ClassVar[str] = "Telephone number"
    pivot: ClassVar[bool] = True
    strong: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip()
        for scheme in ("tel:", "sms:", "callto:", "whatsapp:"):
            text = text.removeprefix(scheme)
        chat, mark, _ = text.partition("@")
        if mark and text.endswith(("@s.whatsapp.net", "@c.us")):
            text = "+" + chat.lstrip("+").partition(":")[0].partition(".")[0]
        text = text.partition(";")[0]
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
        return 0.3 if _parsed(value) and _kind(value) in _COSTLESS else 0.97

    @classmethod
    def caption(cls, value: str) -> str:
        number = _parsed(value)
        return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number else value

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        number = _parsed(value)
        if not number:
            return []
        code = number.country_code or 0
        region = phonenumbers.region_code_for_number(number) or ""
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


@lru_cache(maxsize=8192)
def _parsed(value: str) -> PhoneNumber | None:
    if not value.startswith("+"):
        return None
    try:
        return phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None


def _kind(value: str) -> int:
    number = _parsed(value)
    return int(phonenumbers.number_type(number)) if number else -1


def readings(raw: str, ctx: Context) -> list[Reading]:
    """All valid readings of a number, the likeliest first."""
    return list(_readings(plain(raw).strip(), (ctx.country, *ctx.regions) if ctx.country else ctx.regions))


_ABROAD = re.compile(r"0[^0-9]*0")


@lru_cache(maxsize=16_384)
def _readings(raw: str, regions: tuple[str, ...]) -> tuple[Reading, ...]:
    digits = "".join(c for c in raw if c.isdigit())
    if not 7 <= len(digits) <= 17:
        return ()
    head = raw.lstrip("( ")
    if head.startswith("+"):
        found = _world(raw[raw.index("+") :], 0.98)
    elif digits.startswith("00"):
        found = _world(_ABROAD.sub("+", raw, 1), 0.96)
    else:
        found = _national(raw, digits, regions)
        if digits[0] != "0" and len(digits) > 9:
            world = _world("+" + digits, 0.65)
            expected = world and phonenumbers.region_code_for_number(phonenumbers.parse(world[0].value)) in regions
            plain_ones = [r for r in found if r.confidence > _BARE]
            found = [*plain_ones, *world, *found[len(plain_ones) :]] if expected else [*found, *world]
    return tuple(found)


def _world(text: str, confidence: float) -> list[Reading]:
    """An international number with its country code; `(0)` is a trunk prefix unless only that makes it valid."""
    for attempt in dict.fromkeys((_TRUNK.sub(" ", text), text.replace("(0)", "0"))):
        digits = "".join(c for c in attempt if c.isdigit())
        try:
            number = phonenumbers.parse("+" + digits)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return [Reading(phonenumbers.format_number(number, PhoneNumberFormat.E164), "", confidence)]
    return []


@cache
def _plan(region: str) -> tuple[re.Pattern[str], str, re.Pattern[str]] | None:
    """The shape of a region's national numbers, its trunk prefix, and what it dials before a country code."""
    data = phonenumbers.PhoneMetadata.metadata_for_region(region.upper(), None)
    if data is None or data.general_desc is None or not data.general_desc.national_number_pattern:
        return None
    return (
        re.compile(data.general_desc.national_number_pattern),
        data.national_prefix or "",
        re.compile(data.international_prefix or "00"),
    )


def _national(raw: str, digits: str, regions: tuple[str, ...]) -> list[Reading]:
    """National readings: those grouped as their region groups them first, then in the order of the regions."""
    found = []
    grouping = "".join(c if c.isdigit() else " " for c in raw).split()
    for rank, region in enumerate(dict.fromkeys(regions)):
        plan = _plan(region)
        if plan is None:
            continue
        pattern, trunk, abroad = plan
        if (m := abroad.match(digits)) and (world := _world("+" + digits[m.end() :], 0.9)):
            found.append((False, False, False, rank, world[0]))
            continue
        body = digits[len(trunk) :] if trunk and digits.startswith(trunk) else digits
        if not (pattern.fullmatch(body) or pattern.fullmatch(digits)):
            continue
        try:
            number = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            continue
        if not phonenumbers.is_valid_number(number):
            continue
        usual = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        bare = bool(trunk) and body == digits and usual.lstrip("(").startswith(trunk)
        same = len(grouping) > 1 and _CHUNK.findall(usual) == grouping
        value = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        fixed = phonenumbers.number_type(number) not in _MOBILE
        found.append((bare, not same, fixed, rank, Reading(value, region, _BARE if bare else 0.85 if same else 0.7)))
    return [f[4] for f in sorted(found, key=lambda f: f[:4])]


def phone_at(page: Folded, start: int, ctx: Context, near: str, seen: list[str]) -> Hit | None:
    """A telephone number whose first digit is here; `near` is the kind its column or label announces."""
    text, low = page.text, page.low
    m = _CLUSTER.match(text, start)
    if not m:
        return None
    before = text[start - 1 : start]
    plus = before == "+" or (before == "(" and text[start - 2 : start - 1] == "+")
    if not plus and ((before.isalpha() and before.isascii()) or before in ("_", "=", "@", "\\", "$", "€", "£", "¥")):
        return None
    if (
        before in (".", "-", "/", ",")
        and text[start - 2 : start - 1].isalnum()
        and not _GLUED.search(low, max(0, start - 8), start)
    ):
        return None
    left = start - 1 - (before == "(" and plus) if plus or before == "(" else start
    labelled = near == "phone" or plus
    if not labelled:
        line = low[max(0, start - 40) : start].rpartition("\n")[2]
        labelled = bool(_LABEL.search(line))
        if near or _OTHER.search(line):
            return None
    regions = ctx if not seen else Context((*seen, *ctx.regions), ctx.languages, ctx.country)
    for end in _ends(text, m):
        after = text[end : end + 1]
        if (after.isalpha() and after.isascii()) or after == "_" or _MONEY.match(low, end):
            continue
        if hit := _judge(text, left, end, regions, labelled, plus):
            return hit
    return None


def _ends(text: str, m: re.Match[str]) -> list[int]:
    """Where the number may stop, the longest first: at the ends of its groups, at most ten of them."""
    ends = [c.end() for c in _CHUNK.finditer(text, m.start(), m.end())]
    if text[m.end() : m.end() + 1].isdigit():
        ends.pop()
    return ends[:10][::-1]


def _judge(text: str, left: int, end: int, ctx: Context, labelled: bool, plus: bool) -> Hit | None:
    raw = text[left:end]
    digits = sum(map(str.isdigit, raw))
    found = readings(raw, ctx) if 7 <= digits <= 17 else []
    if not found:
        return None
    best = found[0]
    alone = _alone(text, left, end)
    if digits < 9 and not (labelled or best.confidence > 0.8):
        return None
    sure = plus or labelled or best.confidence > 0.8 or (best.region and raw.lstrip("(")[0] == "0")
    if best.confidence < 0.7 and not (labelled and alone):
        return None
    if not sure and not (alone and len(_CHUNK.findall(raw)) > 1):
        return None
    grouped = best.region and raw.lstrip("(")[0] in _GROUPED_LEAD and not labelled
    if grouped and not (best.confidence > 0.8 and len(_CHUNK.findall(raw)) > 1):
        return None
    return Hit("phone", best.value, left, end, min(0.99, best.confidence + (0.08 if labelled and not plus else 0.0)))


def _alone(text: str, start: int, end: int) -> bool:
    """Whether white space, a sign of punctuation or another script stands around a number."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if before > "\u2fff" or after > "\u2fff":
        return True
    return before in ("", " ", "\n", "\t", ":", ">", '"', "،", ",") and after in (
        "", " ", "\n", "\r", "\t", "<", '"', ",", "،", ".", ";",
    )  # fmt: skip


def short_at(page: Folded, start: int, end: int, ctx: Context, near: str) -> Hit | None:
    """A short code, only where the words before or the context announce one."""
    if not 3 <= end - start <= 6 or (
        page.text[end : end + 1] in (".", ",", "/", "-", ":") and page.text[end + 1 : end + 2].isdigit()
    ):
        return None
    line = page.low[max(0, start - 40) : start].rpartition("\n")[2]
    if near == "phone" or _SHORT_LABEL.search(line) or (ctx.short and not line.strip()):
        return Hit("phone", page.text[start:end], start, end, 0.7)
    return None

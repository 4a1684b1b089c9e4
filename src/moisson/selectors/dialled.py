"""Telephone numbers and short codes in text: where one begins and ends, and what speaks for and against it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from moisson.selectors.kind import Context, Hit
from moisson.selectors.phones import Phone, readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded
    from moisson.selectors.plans import Reading
    from moisson.selectors.regions import Around

_GAP = r"[ \t\u00a0\u2009\u202f.\-\u2010-\u2013/()]"
_CLUSTER = re.compile(rf"\d(?:{_GAP}{{0,3}}\d){{5,18}}")
_CHUNK = re.compile(r"\d+")
_CHAT = re.compile(
    r"(?:(?<![\w.-])(?:wa|viber)\.me/|(?:whatsapp|viber)://[a-z]{3,8}/?\?(?:phone|number)=)(?:%2b|\+)?(\d{7,15})(?!\d)"
)
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
# The beginning of an international number that is none: what follows is its rest, and no number of its own.
_TORN = re.compile(r"\+\(?\d{1,4}\)?[ .\-]{1,2}(?:\d{1,3}[ .\-]{1,2})?$")
_COUNTS = ("0123456789", "1234567890", "123456789")
_SHORT_CODES = ("001", "007")
_EXTENSION = re.compile(r"(?:x|ext\.?|poste) ?\d{1,7}(?!\w)")
_GLUED = re.compile(r"(?:tel|phone|number|mobile|fax|gsm|num[ée]ro)[.\-/,]$")
_KEY = re.compile(r"(?:tel|phone|number|mobile|fax|gsm|num[ée]ro|msisdn|sender|recipient|whatsapp)=$")
_LABEL_STEMS = (
    "el", "fon", "phone", "mobil", "portab", "gsm", "fax", "whats", "viber", "signal", "call", "joind", "appele", "num",
    "nr", "contact", "sms", "ligne", "cep", "reach", "هاتف", "موبايل", "جوال", "محمول", "تلفون", "خلوي", "نقال", "رقم",
    "اتصل", "واتس",
)  # fmt: skip
_SHORT_STEMS = (
    "sms", "assist", "support", "service", "helpl", "hotl", "code", "court", "call", "appele", "compose", "text",
    "envoye", "urgence", "kunden", "müşt", "خدمة", "اتصل", "الرمز",
)  # fmt: skip
_NO_NUMBER = frozenset("_=@\\$€£¥")
_BEFORE = 40


class _Place(NamedTuple):
    """Where a number begins and what announces it: `whole` ones say their country."""

    left: int
    whole: bool
    plus: bool
    labelled: bool


def seek_chats(page: Folded, ctx: Context) -> Iterator[Hit]:
    """The numbers in links to a chat, with or without a scheme."""
    low = page.low
    if "wa.me/" in low or "viber" in low or "whatsapp://" in low:
        for m in _CHAT.finditer(low):
            if number := Phone.clean("+" + m[1], ctx):
                yield Hit("phone", number, *m.span(), 0.95)


def phone_at(page: Folded, start: int, ctx: Context, near: str, around: Around) -> Hit | None:
    """A telephone number whose first digit is here; `near` is the kind its column or label announces."""
    text = page.text
    m = _CLUSTER.match(text, start)
    place = _place(page, start, near, text[m.end() : m.end() + 1]) if m else None
    if not m or not place:
        return None
    for end in _ends(text, m):
        after = text[end : end + 1]
        glued = _is_latin(after) or after == "_"
        if (glued and not _EXTENSION.match(page.low, end)) or _MONEY.match(page.low, end):
            continue
        if hit := _read(text, place, end, ctx, around):
            return hit
    return None


def _place(page: Folded, start: int, near: str, after: str) -> _Place | None:
    text, low = page.text, page.low
    before = text[start - 1 : start]
    plus = before == "+" or (before == "(" and text[start - 2 : start - 1] == "+")
    zeros = text.startswith("00", start)
    if (
        not plus
        and (_is_latin(before) or before in _NO_NUMBER)
        and not (before == "=" and _is_stated(low, start, zeros))
    ):
        return None
    if before == "(" and text[start - 2 : start - 1].isdigit():
        return None
    if not plus and "+" in text[max(0, start - 12) : start] and _TORN.search(text, max(0, start - 12), start):
        return None
    glued = before in (".", "-", "/") and text[start - 2 : start - 1].isalnum()
    glued |= before == "," and text[start - 2 : start - 1].isdigit() and not (zeros and after == ",")
    if glued and not _GLUED.search(low, max(0, start - 8), start):
        return None
    left = start - 1 - (before == "(" and plus) if plus or before == "(" else start
    labelled = near == "phone" or plus
    if not labelled:
        line = low[max(0, start - _BEFORE) : start].rpartition("\n")[2]
        labelled = any(stem in line for stem in _LABEL_STEMS) and bool(_LABEL.search(line))
        if near or _OTHER.search(line):
            return None
    return _Place(left, plus or zeros, plus, labelled)


def _is_stated(low: str, start: int, zeros: bool) -> bool:
    """Whether the key before an equals sign says that a number follows, or the number its country."""
    return zeros or bool(_KEY.search(low, max(0, start - 24), start))


def _is_latin(sign: str) -> bool:
    """Whether a sign is a Latin letter or an accent on one."""
    return (sign.isalpha() and sign < "\u0250") or "\u0300" <= sign <= "\u036f"


def _ends(text: str, m: re.Match[str]) -> list[int]:
    """Where the number may stop, the longest first: at the ends of its groups, at most ten of them."""
    ends = [c.end() for c in _CHUNK.finditer(text, m.start(), m.end())]
    if text[m.end() : m.end() + 1].isdigit():
        ends.pop()
    return ends[:10][::-1]


def _read(text: str, place: _Place, end: int, ctx: Context, around: Around) -> Hit | None:
    """The number between two places, unless too little speaks for it."""
    raw = text[place.left : end]
    groups = _CHUNK.findall(raw)
    if not 7 <= sum(map(len, groups)) <= 17 or "".join(groups) in _COUNTS:
        return None
    if raw.startswith("+00") and len(groups) > 1 and len(groups[0]) < 4 and groups[0] not in _SHORT_CODES:
        return None
    inner = raw.lstrip("+(")
    if inner.count("(") > inner.count(")"):
        return None
    national = not place.whole and groups[0][0] != "0"
    if national and not place.labelled and len(groups) == 1 and not _is_cell(text, place.left, end):
        return None
    found = readings(raw, ctx)
    if not place.whole and (found or place.labelled):
        found = readings(raw, around.context())
    return _judge(text, place, end, groups, found, around) if found else None


def _judge(
    text: str, place: _Place, end: int, groups: list[str], found: tuple[Reading, ...], around: Around
) -> Hit | None:
    first, labelled, left = found[0].confidence, place.labelled, place.left
    alone, cell = _alone(text, left, end), _is_cell(text, left, end)
    if sum(map(len, groups)) < 9 and not (labelled or first > 0.8 or cell):
        return None
    if first < 0.7 and not (labelled and alone):
        return None
    best = around.settle(found, left)
    beside = cell and not _is_day(groups) and around.corroborates(best, left)
    several = alone and len(groups) > 1
    trunk = bool(best.region) and groups[0][0] == "0"
    if not (place.plus or labelled or first > 0.8 or trunk or several or beside):
        return None
    if best.region and not trunk and not labelled and not (first > 0.8 and len(groups) > 1) and not beside:
        return None
    sure = best.confidence + (0.08 if labelled and not place.plus else 0.0)
    return Hit("phone", best.value, left, end, min(0.99, sure))


def _is_cell(text: str, start: int, end: int) -> bool:
    """Whether a number is all there is between two ends of lines, tabs, bars or quotes."""
    before, after = text[max(0, start - 2) : start].strip(" "), text[end : end + 2].strip(" \r")
    return before[-1:] in ("", "\n", "\t", "|", '"') and after[:1] in ("", "\n", "\t", "|", '"')


def _is_day(groups: list[str]) -> bool:
    day = groups[0]
    return len(groups) == 1 and len(day) == 8 and day[:2] in ("19", "20") and day[4:6] <= "12" and day[6:] <= "31"


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
    line = page.low[max(0, start - _BEFORE) : start].rpartition("\n")[2]
    announced = any(stem in line for stem in _SHORT_STEMS) and _SHORT_LABEL.search(line)
    if near == "phone" or announced or (ctx.short and not line.strip()):
        return Hit("phone", page.text[start:end], start, end, 0.7)
    return None

"""Selectors in a text of any size, in one pass: the surest kinds claim their characters first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.selectors import (
    accounts,
    arabic,
    dialled,
    hardware,
    identifiers,
    money,
    named,
    network,
    persons,
    phones,
    places,
    plates,
    wireless,
)
from moisson.selectors.fold import Folded
from moisson.selectors.kind import Context, Found, Hit
from moisson.selectors.kinds import get, seek_described
from moisson.selectors.nobody import is_nobody
from moisson.selectors.numbers import seek_numbers
from moisson.selectors.tables import Cell, Columns, kind_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Context", "Found", "clean_stated", "find", "read_meanings", "read_query"]

_BLOCK = 1 << 16
_NESTED = frozenset({"domain", "onion", "coords"})
_CHAT_HOSTS = ("@s.whatsapp.net", "@c.us", "@g.us", "@broadcast", "@lid")
_CHATS = ("wa.me/", "api.whatsapp.com/send?phone=", "whatsapp.com/send?phone=", "viber.me/")
_CHOICE = (
    "url",
    "email",
    "account",
    "iban",
    "crypto",
    "coords",
    "mac",
    "imei",
    "iccid",
    "phone",
    "ipv4",
    "ipv6",
    "onion",
)
_EVERYTHING = (
    "tel 06 12 34 56 78 or +31612345678 from Leeds, P<<\n",
    "Abu Hasan Xyzzyq saw Mr Mouneer Xyzzyq at 38SLF3217823283",
    "قال أبو عمر القيسي في بغداد",
    "SSID: a-1, voiture AB-123-CD, instagram: @a_b, FR1420041010050500013M02606\nnom;tel\n",
)


def find(text: str, ctx: Context) -> Iterator[Found]:
    """Everything that is found, in order; no two overlap, but a domain or a position may be inside of its URL."""
    columns = Columns()
    at = 0
    while at < len(text):
        stop = _cut(text, at)
        page = Folded(text[at:stop])
        for hit in sorted(_hits(page, columns, ctx), key=lambda h: (h.start, -h.end)):
            start = at + page.origin(hit.start)
            end = at + page.origin(hit.end, end=True)
            if hit.kind == "name" and len(text) < 99 and end - start == len(text.strip()) and is_nobody(hit.value):
                continue
            yield Found(hit.kind, hit.value, text[start:end], start, end - start, round(hit.confidence, 3))
        at = stop


def _cut(text: str, at: int) -> int:
    """Where the block that begins here ends: at a line, else at a space, else anywhere."""
    stop = at + _BLOCK
    if stop >= len(text):
        return len(text)
    for sign in ("\n\n", "\n", "\t", " "):
        cut = text.rfind(sign, at + _BLOCK // 2, stop)
        if cut > at:
            return cut + len(sign)
    return stop


class _Taken:
    """The characters that are claimed already."""

    def __init__(self, size: int) -> None:
        self.marks = bytearray(size)
        self.hits: list[Hit] = []

    def add(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            if self.marks.find(1, hit.start, hit.end) < 0:
                self.marks[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
                self.hits.append(hit)
            elif hit.kind in _NESTED and self._inside(hit):
                self.hits.append(hit)

    def _inside(self, hit: Hit) -> bool:
        """Whether it is in a URL, and the only one of its kind there."""
        around = next(
            (h for h in reversed(self.hits) if h.kind in ("url", "account") and h.start <= hit.start < h.end), None
        )
        if around is None or around.kind != "url" or hit.end > around.end:
            return False
        return not any(h.kind == hit.kind and around.start <= h.start < around.end for h in reversed(self.hits))


def _hits(page: Folded, columns: Columns, ctx: Context) -> list[Hit]:
    taken = _Taken(len(page.text))
    cells = columns.cells(page)
    if "<<" in page.text:
        taken.add(identifiers.seek_documents(page.text))
    taken.add(_links(page, ctx))
    for hit in list(network.seek_emails(page, ctx)):
        if hit.value.endswith(_CHAT_HOSTS):
            number = phones.Phone.clean(hit.value, ctx)
            taken.add([Hit("phone", number, hit.start, hit.end, 0.95)] if number else [])
            continue
        taken.add([hit])
        if (name := persons.before_address(page, hit.start)) is not None:
            taken.add([name])
    for seek in (
        dialled.seek_chats, money.seek_lettered, named.seek_named, accounts.seek_accounts, network.seek_hosts,
        places.seek_positions, wireless.seek_networks, wireless.seek_defaults, hardware.seek_hardware,
        plates.seek_plates, seek_described,
    ):  # fmt: skip
        taken.add(seek(page, ctx))
    taken.add(seek_numbers(page, ctx, (lambda at: kind_at(cells, at)) if cells else _nothing, taken.marks))
    taken.add(_in_cells(page, cells, ctx))
    for seek in (persons.seek_labelled, persons.seek_latin, arabic.seek_arabic):
        taken.add(seek(page, ctx))
    return taken.hits


def _nothing(at: int) -> str:
    """What the columns of a text without columns say."""
    return ""


def _links(page: Folded, ctx: Context) -> Iterator[Hit]:
    """URLs; those of a chat with a number are that number, those of a profile are that account."""
    for hit in network.seek_urls(page, ctx):
        if hit.kind == "url":
            _, _, rest = hit.value.partition("://")
            for chat in _CHATS:
                digits = rest.removeprefix(chat).partition("?")[0].partition("&")[0].strip("+/ ")
                if rest.startswith(chat) and digits.isdigit() and (value := phones.Phone.clean("+" + digits, ctx)):
                    yield Hit("phone", value, hit.start, hit.end, 0.95)
                    break
            else:
                account = accounts.from_url(hit.value, hit.start, hit.end)
                yield account or hit
        else:
            yield hit


def _in_cells(page: Folded, cells: list[Cell], ctx: Context) -> Iterator[Hit]:
    """Names, networks and plates that the head of their column announces."""
    for cell in cells:
        raw = page.text[cell.start : cell.end]
        if cell.kind == "name" and persons.looks_like_name(raw):
            yield Hit("name", persons.tidy(raw), cell.start, cell.end, 0.85)
        elif cell.kind in ("ssid", "plate", "iccid", "imsi") and (value := get(cell.kind).clean(raw, ctx)):
            yield Hit(cell.kind, value, cell.start, cell.end, 0.85)


def warm(ctx: Context) -> None:
    """Read all tables and compile all patterns at once, so that forked workers share them."""
    is_nobody("")
    for text in _EVERYTHING:
        list(find(text, ctx))


def clean_stated(kind: str, raw: str, ctx: Context) -> Found | None:
    """The value of a field that its format declares to be of this kind."""
    value = get(kind).clean(raw[:4096], ctx)
    if not value or (kind == "name" and is_nobody(value)):
        return None
    return Found(kind, value, raw, 0, len(raw), 1.0)


def read_query(kind: str, text: str, ctx: Context) -> str | None:
    """What somebody asks for; without a kind use `guess` first."""
    return next(iter(read_meanings(kind, text, ctx)), None)


def read_meanings(kind: str, text: str, ctx: Context) -> tuple[str, ...]:
    """All that a row of a watchlist may ask for, the likeliest first: a number without its country is of several."""
    return get(kind).meanings(text[:4096], ctx)


def guess(text: str, ctx: Context) -> tuple[str, str] | None:
    """The kind and value that the whole of a short text is most likely meant as."""
    short = text.strip()[:4096]
    whole = [f for f in find(short, ctx) if f.length >= 0.8 * len(short)]
    if whole:
        best = max(whole, key=lambda f: (f.length, f.confidence))
        return best.kind, best.value
    for kind in _CHOICE:
        if value := get(kind).clean(short, ctx):
            return kind, value
    return None

"""A closer look at each candidate: the exact pattern and the checksum, with the validators of the selectors."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from moisson.scan import escaped, links, logins, positions, secrets, wallets
from moisson.scan.near import Mark, Near
from moisson.selectors import dialled, hardware, identifiers, money, numbers, phones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from moisson.selectors.kind import Context, Hit

_WORD = re.compile(rb"[0-9A-Za-z]{1,100}")
_ALNUM = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NUMBER = re.compile(r"(?:\+[ (]?|00[ \-]?)[1-9](?:[ \t\u00a0\u2009\u202f.\-\u2010-\u2013/()]{0,3}[0-9]){6,16}")
_GROUP = re.compile("[0-9]+")
_JOINED = re.compile(rb"[0-9A-Za-z+]")
_DIALLED = re.compile(rb"(?:\.me/|phone=|number=|tel[:=])\+?\Z")
_ZEROS = re.compile(rb"00[ \-]?[1-9]")
_PRINT = re.compile(rb"(?:[0-9A-F]{4} ){5} ?(?:[0-9A-F]{4} ){4}[0-9A-F]{4}(?![0-9A-Fa-f])")
_FIGURES, _MOST_FIGURES = re.compile(rb"[0-9]+"), 20
_DEVICE = re.compile(rb"(?i:im[es]i)")
_ONCE = bytes(max(0, byte - 48) for byte in range(256))
_TWICE = bytes((2 * n - 9 if n > 4 else 2 * n) if 0 <= n < 10 else 0 for n in range(-48, 208))
_FOUR = re.compile(r"(?<![0-9A-Fa-f])[0-9A-F]{4} ")
_EASTERN = re.compile(rb"[ -]?(?:\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9])")
_EASTERN_DIGIT = re.compile(rb"\xd9[\xa0-\xac]|\xdb[\xb0-\xb9]")
_OCTET = rb"(25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rb"\.".join([_OCTET] * 4) + rb"(?!\d)(?!\.\d)")
_COLONS = b"0123456789ABCDEFabcdef:"
_IPV6 = re.compile(rb"[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){1,7}(?![0-9A-Za-z]|:[0-9A-Za-z:]|\.\d)")
_IN_USE = re.compile("[23][0-9A-Fa-f]{3}:|[fF][c-fC-F][0-9A-Fa-f]{2}:")
_NO_ADDRESS = re.compile(rb"(?i:version|vers\.?|\bv|build|release|firmware)[ \t.:=]*$|[.\-]$")
_SURE = frozenset({"ipv4", "card", "imei", "iccid", "imsi", "coords", "iban", "crypto"})


def _nowhere(_at: int) -> str:
    return ""


def _around(data: bytes, at: int, before: int, after: int) -> Near:
    """The text around a place up to two NULs, which part what belongs to others, as runs of UTF-16 read together."""
    first = max(0, at - before)
    apart = data.rfind(b"\0\0", first, at)
    last = data.find(b"\0\0", at, at + after)
    return Near(data, first if apart < 0 else apart + 2, at + after if last < 0 else last)


def ipv4(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An IPv4 address whose last number begins at the end of the anchor, unless the words before call it a version."""
    before = data[max(0, end - 18) : end]
    start = end - (len(before) - len(before.rstrip(b"0123456789.")))
    m = _IPV4.match(data, start)
    if not m or m.end() < end or _NO_ADDRESS.search(data, max(0, start - 16), start):
        return ()
    return (Mark(start, m.end(), "ipv4", ".".join(str(int(n)) for n in m.groups()), 0.85),)


def ipv6(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An IPv6 address in which the anchor ends: eight groups, or fewer and two colons of a range that is in use."""
    before = data[max(0, end - 40) : end]
    start = end - (len(before) - len(before.rstrip(_COLONS)))
    m = _IPV6.match(data, start)
    if not m or m.end() < end or data[start - 1 : start].isalnum() or not any(c in m[0] for c in b"0123456789"):
        return ()
    text = m[0].decode("ascii")
    whole = text.count(":") == 7 or ("::" in text and _IN_USE.match(text))
    value = hardware.Ipv6.clean(text, ctx) if whole else None
    return (Mark(start, m.end(), "ipv6", value, 0.9),) if value else ()


def digits(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """A long number whose first thirteen digits end here; of what neither adds up nor is named there is too much."""
    start = end - 13
    m = _FIGURES.match(data, start)
    if not m or m.end() - start > _MOST_FIGURES:
        return ()
    if not _adds_up(m[0]) and not m[0].startswith(b"89") and not _DEVICE.search(data, max(0, start - 44), start):
        return ()
    return _number(data, start, ctx)


def _adds_up(figures: bytes) -> bool:
    """Luhn's check (ISO/IEC 7812-1 annex B)."""
    return (sum(figures[-1::-2].translate(_ONCE)) + sum(figures[-2::-2].translate(_TWICE))) % 10 == 0


def groups(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """A number in groups, of which the anchor takes sixteen signs."""
    return _number(data, end - 16, ctx)


def device(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """The number of a device in groups, of which the anchor takes eighteen signs."""
    return _number(data, end - 18, ctx)


def _number(data: bytes, start: int, ctx: Context) -> Iterable[Mark]:
    """A card or a device whose first digit is here."""
    if _JOINED.fullmatch(data, max(0, start - 1), start) or data[start - 1 : start] == b"_":
        return ()
    if _DIALLED.search(data, max(0, start - 12), start):
        return ()
    near = _around(data, start, 44, 32)
    at = near.at(start)
    hit = identifiers.device_at(near.page, at, ctx, "")
    if not hit and (hit := money.card_at(near.page, at, ctx)) and not _free(near.page.text, hit):
        return ()
    return near.single(hit) if hit and not _is_fraction(data, start, near.offset(hit.end, end=True)) else ()


def _is_fraction(data: bytes, start: int, end: int) -> bool:
    """Whether digits behind a comma are the fraction of a number, and no cell between two commas."""
    return data[start - 1 : start] == b"," and data[start - 2 : start - 1].isdigit() and data[end : end + 1] != b","


def _free(text: str, hit: Hit) -> bool:
    """Whether no further groups of digits stand at either side of the number of a card."""
    before, after = text[max(0, hit.start - 2) : hit.start], text[hit.end : hit.end + 2]
    more = len(before) == 2 and before[1] in " -" and before[0].isdigit()
    return not more and not (len(after) == 2 and after[0] in " -" and after[1].isdigit())


def mac(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """A hardware address that ends here and is no part of a longer chain."""
    raw, sign = data[end - 17 : end], data[end - 3 : end - 2]
    after = data[end : end + 2]
    if after[:1].isalnum() or (after[:1] == sign and after[1:].isalnum()):
        return ()
    value = raw.decode("ascii").upper().replace("-", ":")
    return (Mark(end - 17, end, "mac", value, 0.95),) if len({*value}) > 2 else ()


def plus(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """An international number with its sign."""
    sign = data.rfind(b"+", max(0, end - 12), end)
    yield from _phone(data, sign, ctx)


def zeros(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """An international number with two zeros."""
    if m := _ZEROS.search(data, max(0, end - 13), end):
        yield from _phone(data, m.start(), ctx)


def _phone(data: bytes, start: int, ctx: Context) -> Iterator[Mark]:
    """The longest valid number of whole groups of digits that begins here."""
    near = Near(data, start, start + 44)
    m = _NUMBER.match(near.page.text)
    if not m or _JOINED.fullmatch(data, max(0, start - 1), start):
        return
    text = near.page.text
    ends, figures = list[int](), -2 * (text[0] == "0")
    for group in islice(_GROUP.finditer(m[0]), 10):
        figures += group.end() - group.start()
        if 7 <= figures <= 15:  # ITU-T E.164
            ends.append(group.end())
    for stop in reversed(ends):
        after = text[stop : stop + 1]
        if after == "_" or (after.isascii() and after.isalnum()):
            continue
        found = phones.readings(text[:stop], ctx)
        if found and not found[0].region and found[0].confidence > 0.9:
            end = near.offset(stop, end=True)
            if not _is_fraction(data, start, end):
                yield Mark(start, end, "phone", found[0].value, found[0].confidence)
            return


def eastern(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """Whatever a run of Arabic or Persian digits says, asked at its end."""
    before = data[max(0, end - 30) : end]
    if _EASTERN.match(data, end) or len(_EASTERN_DIGIT.findall(before)) < 7:
        return ()
    near = _around(data, end, 56, 16)
    page = near.page
    hits = numbers.seek_numbers(page, ctx, _nowhere, bytearray(len(page.text)))
    return near.marks((h for h in hits if h.kind in _SURE or h.kind == "phone"), end)


def token(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A bank account, or an address of a cryptocurrency, of letters and digits."""
    before = data[max(0, end - 101) : end]
    start = end - (len(before) - len(before.rstrip(_ALNUM)))
    m = _WORD.match(data, start)
    if m and m.end() - start >= 15:
        if m.end() - start < 95 and (hit := money.token_hit(m[0].decode("ascii"), start, ctx)):
            yield Mark(hit.start, hit.end, hit.kind, hit.value, hit.confidence)
        return
    near = Near(data, end - 19, end + 40)
    if hit := money.grouped_iban_at(near.page, near.at(end - 18), ctx):
        yield Mark(near.offset(hit.start), near.offset(hit.end, end=True), hit.kind, hit.value, hit.confidence)


def bech32(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A witness address whose first fourteen signs end here."""
    yield from _crypto(data, end - 14, ctx)


def ethereum(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """An address of Ethereum that ends here."""
    if data[end : end + 1].isalnum():
        return
    yield from _crypto(data, end - 42, ctx)


def _crypto(data: bytes, start: int, ctx: Context) -> Iterator[Mark]:
    m = _WORD.match(data, start)
    if m and not data[start - 1 : start].isalnum() and (value := money.Crypto.clean(m[0].decode("ascii"), ctx)):
        yield Mark(start, m.end(), "crypto", value, 0.99)


def chat(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The number in a link to a chat."""
    near = Near(data, end - 64, end + 24)
    yield from near.marks(dialled.seek_chats(near.page, ctx), end - 1)


def zone(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The machine-readable zone of a document."""
    near = Near(data, end - 60, end + 200)
    page = near.page
    for hit in identifiers.seek_documents(page.text):
        yield Mark(near.offset(hit.start), near.offset(hit.end, end=True), hit.kind, hit.value, hit.confidence)


def fingerprint(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A fingerprint of a PGP key in groups of four."""
    if not _PRINT.search(data, max(0, end - 34), end + 36):
        return
    near = Near(data, end - 34, end + 36)
    for m in _FOUR.finditer(near.page.text, 5 if end > 34 else 0):
        if hit := identifiers.pgp_at(near.page.text, m.start()):
            yield from near.marks([hit], end - 1)
            return


SEEKERS: dict[str, Callable[[bytes, int, Context], Iterable[Mark]]] = {
    "email": links.email, "url": links.url, "www": links.www, "onion": links.onion, "account": links.account,
    "ipv4": ipv4, "mac": mac, "digits": digits, "groups": groups, "device": device, "plus": plus, "zeros": zeros,
    "eastern": eastern, "token": token, "bech32": bech32, "ethereum": ethereum, "decimal": positions.decimal,
    "degrees": positions.degrees, "named": positions.said, "chat": chat,
    "mgrs": positions.mgrs, "exif": positions.exif, "zone": zone, "fingerprint": fingerprint, "pem": secrets.pem,
    "ssh": secrets.ssh, "recovery": secrets.recovery, "wifi": secrets.wifi, "wlan": secrets.wlan,
    "phrase": secrets.phrase, "ipv6": ipv6, "domain": links.domain, "mailbox": escaped.mailbox,
    "plus-escaped": escaped.plus,
    "firefox": logins.firefox, "chrome": logins.chrome, "filezilla": logins.filezilla, "winscp": logins.winscp,
    "netrc": logins.netrc, "manager": logins.manager, "android": logins.android, "private": wallets.private,
    "encrypted": wallets.encrypted, "extended": wallets.extended, "exported": wallets.exported,
    "electrum": wallets.electrum, "keystore": wallets.keystore, "vault": wallets.vault,
}  # fmt: skip

"""Accounts of services: `service:@handle`, from links, from labels in several languages, from stated fields."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from moisson.selectors.fold import lower, plain
from moisson.selectors.kind import Context, Hit, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_HANDLE = re.compile(r"@?([a-z0-9_](?:[a-z0-9_.-]{0,48}[a-z0-9_])?)")
_CANONICAL = re.compile(r"([a-z0-9_.-]{2,20})[ \t]?:[ \t]?@([a-z0-9_](?:[a-z0-9_.-]{0,48}[a-z0-9_])?)")
_LINK = re.compile(r"(?:[a-z]+://)?(?:www\.|m\.|web\.|mobile\.)?([a-z0-9.-]+\.[a-z]{2,4})/([^\s?#]*)")
_BEFORE_HOST = re.compile(r"(?:www|m|web|mobile)\.")
_SEPARATOR = re.compile(
    r"[ \t\u00a0]{0,2}(?:[:=：]|(?:is|est|id|user|username|handle|هو|معرف)[ \t:]{1,2})?[ \t\u00a0]{0,2}[\"'(]?@"
)
_COLON = re.compile(r"[ \t\u00a0]{0,2}[:=：][ \t\u00a0]{0,2}")
_AFTER = re.compile(r"[ \t]{0,2}[(\[/-][ \t]?(?:on |sur |via |على )?([^\W\d_]{4,12})")
_ANCHOR = re.compile(r"@(?=[a-z0-9_])|[:=：](?=[ \t\u00a0]{0,2}[\"'(]?(?:@|[a-z.-]{0,48}+[0-9_]))")
# Links that open a program, and profiles that have a number and no name.
_OPENED = re.compile(
    r"tg://resolve/?\?domain=([a-z][a-z0-9_]{3,31})(?!\w)|skype:([a-z][a-z0-9._,-]{4,31})\?(?:chat|call|add|userinfo)"
)
_NUMBERED = re.compile(r"/(?:profile\.php\?(?:[^\s#]{0,80}&)?id=|people/[^/\s?#]{1,80}/)(\d{5,20})(?!\w)")
# What may follow a handle that a link ends with; no handle has these.
_BEHIND = frozenset(["", *",;&=~+%!'()*|:$@"])
_LETTERS = re.compile(r"[^\W\d_]+")
_REACH = 32
_NOT_HANDLES = frozenset(
    [
        "p",
        "reel",
        "reels",
        "stories",
        "explore",
        "share",
        "sharer",
        "intent",
        "hashtag",
        "search",
        "home",
        "login",
        "joinchat",
        "s",
        "c",
        "watch",
        "groups",
        "pages",
        "events",
        "profile.php",
        "tv",
        "channel",
        "addstickers",
        "proxy",
        "socks",
        "tag",
        "discover",
        "t",
        "status",
        "i",
        "settings",
        "about",
        "help",
        "privacy",
        "add",
    ]
)


@cache
def services() -> tuple[dict[str, str], dict[str, str]]:
    """The words for each service, and the hosts of its links."""
    table = tomllib.loads(files("moisson.selectors").joinpath("data/services.toml").read_text("utf-8"))
    words = {word: name for name, entry in table.items() for word in (name, *entry.get("words", ()))}
    hosts = {h: name for name, entry in table.items() for h in entry.get("hosts", ())}
    return words, hosts


class Account(Kind):
    """An account as `service:@handle`, in lower case."""

    name = "account"
    label = "Account"
    pivot = True
    strong = True
    weight = 0.95

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = lower(plain(raw)).strip()
        if m := _CANONICAL.fullmatch(text):
            service = services()[0].get(m[1], m[1])
            return f"{service}:@{m[2]}"
        if linked := _linked(text):
            return linked
        word, _, rest = text.replace("@", ":").partition(":")
        service = services()[0].get(word.strip(), "")
        m = _HANDLE.fullmatch(rest.strip(" :@"))
        return f"{service}:@{m[1]}" if service and m else None

    @classmethod
    def caption(cls, value: str) -> str:
        service, _, handle = value.partition(":")
        return f"{handle} ({service})"


def _linked(url: str) -> str | None:
    """The account a link leads to."""
    scheme, mark, rest = url[:64].partition("://")
    name = (rest if mark else scheme).partition("/")[0]
    if name not in services()[1] and not _BEFORE_HOST.match(name):
        m = _OPENED.match(url) if url.startswith(("tg:", "skype:")) else None
        return _opened(m) if m else None
    m = _LINK.match(url)
    service = services()[1].get(m[1]) if m else None
    if not m or not service:
        return None
    if number := _NUMBERED.match(url, m.end(1)):
        return f"{service}:@{number[1]}"
    parts = [p for p in m[2].split("/") if p]
    if parts[:1] in (["add"], ["in"], ["user"], ["@"], ["people"]):
        parts = parts[1:]
    if not parts or parts[0] in _NOT_HANDLES or parts[0].startswith("+"):
        return None
    handle = _HANDLE.match(parts[0])
    after = parts[0][handle.end() : handle.end() + 1] if handle else ""
    whole = after in _BEHIND or not after.isascii()
    return f"{service}:@{handle[1]}" if handle and whole and not handle[1].isdigit() else None


def _opened(m: re.Match[str]) -> str:
    return f"telegram:@{m[1]}" if m[1] else f"skype:@{m[2]}"


def from_url(url: str, start: int, end: int) -> Hit | None:
    """The account behind a URL that was found."""
    value = _linked(url.lower())
    return Hit("account", value, start, end, 0.9) if value else None


def seek_accounts(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Labelled handles and links without a scheme."""
    low = page.low
    words, hosts = services()
    last = 0
    for m in _ANCHOR.finditer(low):
        if m.start() < last or low[m.start() - 1 : m.start()].isdigit():
            continue
        back = low[max(last, m.start() - _REACH) : m.start()]
        for word in _before(back):
            if word in words:
                start = m.start() - len(back) + back.rindex(word)
                if hit := _labelled(low, start, start + len(word), words[word]):
                    last = hit.end
                    yield hit
                break
    for host in hosts:
        at = low.find(host + "/")
        while at >= 0:
            handle = _HANDLE.match(low, at + len(host) + 1)
            before = low[at - 1 : at]
            whole = not before or not before.isascii() or not (before.isalnum() or before in "./-")
            if handle and whole:
                number = _NUMBERED.match(low, at + len(host))
                end = number.end() if number else handle.end()
                if value := _linked(low[at:end]):
                    yield Hit("account", value, at, end, 0.9)
            at = low.find(host + "/", at + 4)
    if "tg://" in low or "skype:" in low:
        for m in _OPENED.finditer(low):
            yield Hit("account", _opened(m), m.start(), m.end(), 0.9)
    yield from _followed(low)


def _before(back: str) -> list[str]:
    """The words and pairs of words at the end of a stretch that may name a service, the article taken off."""
    found = _LETTERS.findall(back)[-3:]
    pairs = [f"{a} {b}" for a, b in pairwise(found)]
    return [*pairs, *found[::-1], *(w[2:] for w in found if w.startswith("ال"))]


def _labelled(low: str, start: int, end: int, service: str) -> Hit | None:
    """`Telegram: @x`, `تلغرام @x`; without the sign only after a colon and with a digit or an underscore."""
    if start and low[start - 1].isascii() and low[start - 1].isalpha():
        return None
    if m := _SEPARATOR.match(low, end):
        if (handle := _HANDLE.match(low, m.end())) and len(handle[1]) > 1:
            return Hit("account", f"{service}:@{handle[1]}", start, handle.end(), 0.95)
        return None
    colon = _COLON.match(low, end)
    handle = _HANDLE.match(low, colon.end()) if colon else None
    if not handle or len(handle[1]) < 4 or low[handle.end() : handle.end() + 1] in ("@", "/", ":"):
        return None
    telling = any(c.isalpha() for c in handle[1]) and any(c.isdigit() or c == "_" for c in handle[1])
    return Hit("account", f"{service}:@{handle[1]}", start, handle.end(), 0.75) if telling else None


def _followed(low: str) -> Iterator[Hit]:
    """`@x (Telegram)`."""
    words = services()[0]
    at = low.find("@")
    while at >= 0:
        handle = _HANDLE.match(low, at)
        if handle and (m := _AFTER.match(low, handle.end())) and m[1] in words and not low[at - 1 : at].isalnum():
            yield Hit("account", f"{words[m[1]]}:@{handle[1]}", at, handle.end(), 0.85)
        at = low.find("@", at + 1)

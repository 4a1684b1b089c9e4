"""Header fields of mail: encoded words, parameters, addresses, dates (RFC 5322, RFC 2047, RFC 2231)."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from quopri import decodestring
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from moisson.extract.charset import codec
from moisson.extract.encoding import to_text
from moisson.times import Instant, from_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_PARAM = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
_ADDRESS = re.compile(r'[^\s<>()",;:\\\[\]]{1,320}@[^\s<>()",;:\\]{1,320}')
_SPLIT = re.compile(r'"(?:[^"\\]|\\.){0,500}+"|\([^()]*\)|<[^<>]*>|[,;]|[^",;(<]+|.', re.DOTALL)
_GROUP = re.compile(r"^[^<>@\"]{0,200}:(?=\s|$|[^\s]*@)")
_DAY_AT = re.compile(r"\s+at\s+", re.IGNORECASE)
_GMT_OFFSET = re.compile(r"\b(?:GMT|UTC|UT)\s*([+-])(\d{1,2})(?::?(\d\d))?\b")
_ZONED = re.compile(r"[+-]\d{4}\b|\b(?:UTC?|GMT|Z|[ECMP][SD]T)\b")
MAX_ADDRESSES = 2000


def _decode_word(match: re.Match[str]) -> tuple[str, bytes] | None:
    charset, how, body = match[1].partition("*")[0], match[2].lower(), match[3]
    raw = body.encode("ascii", "ignore") if how == "b" else _as_written(body, charset)
    if how == "q":
        return charset, decodestring(raw.replace(b"_", b"=20"))
    try:
        return charset, a2b_base64(raw + b"=" * (-len(raw) % 4))
    except Base64Error:
        return None


def _as_written(body: str, charset: str) -> bytes:
    """The bytes of a quoted word in which a sender left raw 8-bit letters."""
    if body.isascii():
        return body.encode("ascii")
    try:
        return body.encode(codec(charset) or "utf-8")
    except UnicodeError:
        return body.encode("utf-8", "surrogatepass")


def words(text: str) -> str:
    """Undo encoded words (RFC 2047), also where they do not belong: in quotes, glued, cut inside a letter."""
    if "=?" not in text:
        return text
    out: list[str] = []
    pending: tuple[str, bytes] | None = None
    at = 0
    text = _BETWEEN.sub(r"\1", text)
    for match in _WORD.finditer(text):
        word = _decode_word(match)
        if pending and (match.start() > at or word is None or word[0].lower() != pending[0].lower()):
            out.append(to_text(pending[1], pending[0]))
            pending = None
        out.append(text[at : match.start()])
        at = match.end()
        if word is None:
            out.append(match[0])
        else:
            pending = (word[0], pending[1] + word[1]) if pending else word
    if pending:
        out.append(to_text(pending[1], pending[0]))
    return "".join((*out, text[at:]))


def unfold(raw: bytes) -> str:
    """One header field's value as text: continuation lines joined, 8-bit bytes guessed, encoded words left."""
    text = to_text(raw.strip(), "")
    return re.sub(r"\r?\n[ \t]*|\r[ \t]*", " ", text) if "\n" in text or "\r" in text else text


def clean(text: str) -> str:
    """A header value for people: encoded words undone, one line, no NUL."""
    return " ".join(words(text).replace("\0", "").split())


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The main value of a field, lower case, and its parameters (RFC 2231 continuations and charsets undone)."""
    main, found = value.partition(";")[0].strip().lower(), dict[str, str]()
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, quoted in _PARAM.findall(value[len(value.partition(";")[0]) :][:20_000]):
        text = quoted.strip()
        if text.startswith('"'):
            text = re.sub(r'\\(["\\])', r"\1", text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:])
        base, star, rest = name.lower().partition("*")
        if not star:
            found.setdefault(base, text)
            continue
        number = rest.rstrip("*")
        order = int(number) if number.isdecimal() and len(number) < 5 else 0
        pieces.setdefault(base, []).append((order, name.endswith("*"), text))
    for base, parts in pieces.items():
        found[base] = _join_pieces(sorted(parts, key=lambda p: p[0]))
    return main, found


def _join_pieces(parts: list[tuple[int, bool, str]]) -> str:
    charset, first = "", parts[0][2]
    if parts[0][1] and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
    raw = b"".join(
        unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
        for (_, encoded, _), text in zip(parts, (first, *(p[2] for p in parts[1:])), strict=True)
    )
    return to_text(raw, charset)


def _mailboxes(value: str) -> Iterator[str]:
    piece: list[str] = []
    for token in _SPLIT.findall(value[:500_000]):
        if token in (",", ";"):
            yield "".join(piece)
            piece = []
        else:
            piece.append(token)
    yield "".join(piece)


def addresses(value: str) -> list[tuple[str, str]]:
    """The (name, address) pairs of an address list; what has no address keeps its name alone."""
    found: list[tuple[str, str]] = []
    for raw in _mailboxes(value):
        mailbox = _GROUP.sub("", raw).strip()
        if mailbox and len(found) < MAX_ADDRESSES:
            found.append(_one_address(mailbox))
    return [pair for pair in found if any(pair)]


def _one_address(mailbox: str) -> tuple[str, str]:
    angle = re.search(r"<([^<>]*)>?", mailbox)
    if angle:
        inner = re.sub(r"\s+", "", angle[1]) if "@" in angle[1] else angle[1].strip()
        address = inner.rpartition(":")[2] if inner.startswith("@") else inner
        name = mailbox[: angle.start()] or " ".join(re.findall(r"\(([^()]*)\)", mailbox[angle.end() :]))
        return _bare(name), words(address).strip("'\"")
    plain = re.sub(r"\([^()]*\)", " ", mailbox)
    if hit := _ADDRESS.search(plain):
        name = " ".join(re.findall(r"\(([^()]*)\)", mailbox)) or plain.replace(hit[0], " ")
        return _bare(name), hit[0].strip("'\"")
    return _bare(mailbox), ""


def _bare(name: str) -> str:
    text = re.sub(r"\\(.)", r"\1", name.strip())
    return clean(text.replace('"', " ")).strip("' ")


def moment(value: str) -> Instant | None:
    """A date of mail, tolerant of what programs wrote; without a zone it is a wall clock of an unknown place."""
    text = _DAY_AT.sub(" ", value.strip())
    text = _GMT_OFFSET.sub(lambda m: f"{m[1]}{int(m[2]):02d}{m[3] or '00'}", text)
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        zoned = bool(_ZONED.search(text))
        zone = (UTC if not parts[9] else timezone(timedelta(seconds=parts[9]))) if zoned else None
        second = min(parts[5], 59)
        return from_datetime(datetime(*parts[:5], second, tzinfo=zone))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

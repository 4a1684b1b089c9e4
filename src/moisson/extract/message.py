"""From the parts of a message to the letter they make: which part is the body, which are attachments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from moisson.address import named
from moisson.extract.encoding import to_text
from moisson.extract.headers import addresses, clean, moment
from moisson.extract.letter import Letter, html_text, received_ips
from moisson.extract.mime import Part, parse, uuencoded
from moisson.model import Fact
from moisson.reader import Child, Reader

if TYPE_CHECKING:
    from moisson.times import Instant

_PEOPLE = ("from", "sender", "reply-to", "to", "cc", "bcc")
_SHOWN = ("text/plain", "text/html", "message/delivery-status", "text/rfc822-headers", "text/enriched")
_WORD = re.compile(r"\w{3,}")
_KEPT = ("message-id", "in-reply-to", "references", "x-mailer", "user-agent", "return-path", "delivered-to", "list-id",
         "organization", "x-priority", "thread-topic", "x-folder")  # fmt: skip


@dataclass(slots=True)
class _Sorted:
    """The parts of a message, sorted into what is read as its body and what hangs on it."""

    body: list[str] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)


def read_letter(root: Part) -> Letter:
    """What a parsed message says, its attachments among the children."""
    sorted_parts = _Sorted()
    _sort(root, sorted_parts)
    children = sorted_parts.children
    letter = Letter(subject=clean(root.get("subject")), body="\n".join(sorted_parts.body))
    letter.people = {key: people for key in _PEOPLE if (people := _people(root, key))}
    letter.date = clean(root.get("date") or root.get("resent-date"))
    letter.when = moment(letter.date) or _received_date(root)
    received = root.all("received") + root.all("x-originating-ip") + root.all("x-sender-ip")
    letter.ips = received_ips([f if "[" in f or "(" in f else f"[{f.strip()}]" for f in received])
    letter.facts = [Fact(f"mail.{key}", value) for key in _KEPT if (value := clean(root.get(key)))]
    letter.attachments = [c.name for c in children if c.role != "embedded"]
    letter.children = children
    return letter


def _people(root: Part, key: str) -> list[tuple[str, str]]:
    return [pair for value in root.all(key)[:20] for pair in addresses(value)]


def _received_date(root: Part) -> Instant | None:
    for text in root.all("received")[:1] + root.all("delivery-date")[:1]:
        if when := moment(text.rpartition(";")[2]):
            return when
    return None


def _sort(part: Part, into: _Sorted) -> None:
    """Walk the parts in order; of alternatives the plainest that says something, and what others add, is the body."""
    if part.kind == "multipart/alternative" and part.parts:
        _sort_alternatives(part, into)
    elif part.parts:
        for below in part.parts:
            _sort(below, into)
    elif part.kind.startswith("multipart/"):
        into.body.append(to_text(part.content(), part.params.get("charset", "")))
    elif part.kind in _SHOWN and not _attached(part):
        _show(part, into)
    elif part.end > part.start or part.filename:
        into.children.append(_child(part))


def _sort_alternatives(part: Part, into: _Sorted) -> None:
    plain = next((p for p in part.parts if p.kind == "text/plain" and p.content().strip()), None)
    for below in part.parts:
        if plain is None or below is plain:
            _sort(below, into)
        else:
            _sort_other(below, into)


def _sort_other(part: Part, into: _Sorted) -> None:
    """Another wording of the body gives the lines that say something else; its pictures are attachments like others."""
    if part.parts:
        for below in part.parts:
            _sort_other(below, into)
    elif part.kind not in _SHOWN or _attached(part):
        _sort(part, into)
    else:
        shown = _Sorted()
        _show(part, shown)
        into.children += shown.children
        said = set(_WORD.findall("\n".join(into.body).lower()))
        lines = [line for text in shown.body for line in text.splitlines() if _says_more(line, said)]
        into.body += ["\n".join(lines)] if lines else []


def _says_more(line: str, said: set[str]) -> bool:
    return not said.issuperset(_WORD.findall(line.lower()))


def _attached(part: Part) -> bool:
    return part.disposition == "attachment" or bool(part.filename)


def _show(part: Part, into: _Sorted) -> None:
    raw = part.content()
    charset = part.params.get("charset", "")
    if part.kind in ("text/html", "text/enriched"):
        into.body.append(html_text(raw, charset))
        return
    if b"\nbegin " in raw or raw.startswith(b"begin "):
        kept, at = [], 0
        for number, (name, content, start, end) in enumerate(uuencoded(raw), 1):
            kept.append(raw[at:start])
            at = end
            layer = named("mime", f"{part.path}.uu{number}")
            into.children.append(Child(name, layer, partial(Reader.of, content), len(content), "attachment"))
        raw = b"".join((*kept, raw[at:]))
    if text := to_text(raw, charset).replace("\r\n", "\n").replace("\0", ""):
        into.body.append(text)


def _child(part: Part) -> Child:
    nested = part.kind in ("message/rfc822", "message/global")
    inline = part.disposition == "inline" or (bool(part.get("content-id")) and part.disposition != "attachment")
    name = part.label
    if nested and not part.filename:
        inner = parse(part.data, part.start, min(part.end, part.start + 20_000))
        name = f"{clean(inner.get('subject'))[:150] or f'message-{part.path}'}.eml"
    encoded = part.get("content-transfer-encoding").strip().lower() not in ("", "7bit", "8bit", "binary")
    size = None if encoded else part.end - part.start
    return Child(
        name,
        named("mime", part.path),
        lambda: Reader.of(part.content()),
        size,
        "message" if nested else "embedded" if inline else "attachment",
        "message/rfc822" if nested else "",
    )

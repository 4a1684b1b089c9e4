"""What every kind of mail comes down to: a header block and a body, facts, stated addresses, one event."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moisson.extract.encoding import to_text
from moisson.model import Event, Fact, Party, Passage, Role, Stated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Child
    from moisson.times import Instant

_BRACKETED = re.compile(r"[\[(]\s*(?:IPv6:)?([0-9A-Fa-f:.]{3,45})\s*[\])]")
_ROLES: tuple[tuple[str, str, Role], ...] = (
    ("From", "from", "sender"),
    ("Sender", "sender", "sender"),
    ("Reply-To", "reply-to", "sender"),
    ("To", "to", "recipient"),
    ("Cc", "cc", "recipient"),
    ("Bcc", "bcc", "recipient"),
)


@dataclass(slots=True)
class Letter:
    """One message, whatever it was stored as; `people` maps from, sender, reply-to, to, cc, bcc to (name, address)."""

    subject: str = ""
    date: str = ""
    when: Instant | None = None
    people: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    body: str = ""
    ips: list[str] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)
    kind: str = "message"
    children: list[Child] = field(default_factory=list)


def pieces(letter: Letter) -> Iterator[Passage | Fact | Stated | Event]:
    """Everything a letter says, except its children."""
    yield from _facts(letter)
    yield Passage("\n".join((*_block(letter), "", "")), "header")
    if letter.body:
        yield Passage(letter.body if letter.body.endswith("\n") else letter.body + "\n", "body")
    for _, key, role in _ROLES:
        for name, address in letter.people.get(key, ()):
            if "@" in address:
                yield Stated("email", address, role, f"mail.{key}", name)
            if name and name != address:
                yield Stated("name", name, role, f"mail.{key}", address)
    for ip in letter.ips:
        yield Stated("ip", ip, "mentioned", "mail.received")
    yield _event(letter)


def _shown(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address and name != address else address or name


def _block(letter: Letter) -> Iterator[str]:
    for label, key, _ in _ROLES:
        if people := letter.people.get(key):
            yield f"{label}: {', '.join(_shown(*p) for p in people)}"
    if letter.date or letter.when:
        yield f"Date: {letter.date or letter.when}"
    yield f"Subject: {letter.subject}"
    for name in letter.attachments[:200]:
        yield f"Attachment: {name}"


def _facts(letter: Letter) -> Iterator[Fact]:
    if letter.subject:
        yield Fact("mail.subject", letter.subject)
    for _, key, _ in _ROLES:
        if people := letter.people.get(key):
            shown = [_shown(*p) for p in people]
            yield Fact(f"mail.{key}", shown[0] if key in ("from", "sender") and len(shown) == 1 else shown)
    if letter.date:
        yield Fact("mail.date", letter.date)
    if letter.ips:
        yield Fact("mail.received", letter.ips)
    if letter.attachments:
        yield Fact("mail.attachments", letter.attachments[:1000])
    yield from letter.facts


def _event(letter: Letter) -> Event:
    seen: set[tuple[Role, str]] = set()
    parties: list[Party] = []
    for key, role in (
        ("from", "sender"),
        ("sender", "sender"),
        ("to", "recipient"),
        ("cc", "recipient"),
        ("bcc", "recipient"),
    ):
        if key == "sender" and any(p.role == "sender" for p in parties):
            continue
        for name, address in letter.people.get(key, ()):
            kind = "email" if "@" in address else "name"
            value = address.lower() if kind == "email" else name or address
            if value and (role, value) not in seen:
                seen.add((role, value))  # type: ignore[arg-type]
                parties.append(Party(role, kind, value, name if kind == "email" else ""))  # type: ignore[arg-type]
    app = "email" if letter.kind == "message" else "calendar"
    return Event("", "", letter.kind, letter.when, app, tuple(parties), letter.subject)


def received_ips(fields: list[str]) -> list[str]:
    """The public addresses of the machines a message came through, nearest to the sender first."""
    found: dict[str, None] = {}
    for text in reversed(fields[:100]):
        for raw in _BRACKETED.findall(text[:4000]):
            try:
                if ipaddress.ip_address(raw).is_global:
                    found.setdefault(raw)
            except ValueError:
                continue
    return list(found)


def html_text(raw: bytes, charset: str = "") -> str:
    """The text of an HTML body, with the targets of its links."""
    from moisson.extract.html import page_text, read_markup

    markup = to_text(raw, charset) if charset else page_text(raw)[0]
    return "".join(piece.text for piece in read_markup(markup) if isinstance(piece, Passage))

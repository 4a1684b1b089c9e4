"""The records: each is a claim with a place (`address`) and a maker (`run`).

Frozen and typed, without inheritance; the first two fields are always `address` (the printed form of an
`address.Address`) and `run` (the step and its version, as in `extract.pdf@3`; the `Run` record of the unit says when,
where and with which settings). They travel as JSON and are checked against these types wherever they come from a
confined process.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from moisson.times import Instant

State = Literal["live", "deleted", "orphan", "carved", "slack", "embedded"]
FailureKind = Literal["damaged", "password", "timeout", "memory", "unsupported", "limit", "attack", "crash"]
Source = Literal["native", "strings", "ocr", "transcript", "translation"]
Role = Literal["mentioned", "owner", "sender", "recipient", "contact", "location", "device", "author"]
Verdict = Literal["same", "different", "unsure"]
Value = str | int | float | list[str]


class Exhibit(Struct, frozen=True, tag="exhibit", omit_defaults=True):
    """One seized thing, as the door registered it; `files` are the delivered files in order, relative to the intake."""

    address: str
    run: str
    id: str
    label: str = ""
    kind: str = ""
    files: tuple[str, ...] = ()
    size: int = 0
    digests: dict[str, str] = {}
    seized_at: str = ""
    site: str = ""
    seized_by: str = ""
    circumstances: str = ""
    found_with: str = ""
    seal: str = ""
    device_serial: str = ""
    caveats: tuple[str, ...] = ()


class Item(Struct, frozen=True, tag="item", omit_defaults=True):
    """A file, a member, a message, an attachment: a stretch of bytes with a name.

    `path` is for people: the path in the volume, then the names of the members. `parent` is the address of the item it
    came out of, empty for a file of a volume. `sha256` is empty until the bytes were read.
    """

    address: str
    run: str
    name: str
    path: str
    kind: str = ""
    size: int = 0
    sha256: str = ""
    md5: str = ""
    state: State = "live"
    modified: Instant | None = None
    accessed: Instant | None = None
    changed: Instant | None = None
    created: Instant | None = None
    parent: str = ""
    role: str = ""
    flags: tuple[str, ...] = ()
    meta: dict[str, Value] = {}


class Extent(Struct, frozen=True, tag="extent", omit_defaults=True):
    """Bytes of a medium that hold a part of the item at `address`, from its byte `at` on.

    `medium` is the exhibit, or the address of the container unlocked in it; `offset` counts in that. The bytes between
    the end of a live item and the end of its last block have the state `slack`.
    """

    address: str
    run: str
    medium: str
    offset: int
    length: int
    at: int = 0
    state: State = "live"


class Stretch(Struct, frozen=True, tag="stretch", omit_defaults=True):
    """What a stretch of a medium looks like, and that it was read: `kinds` has the bytes by sort of page.

    A page of 4 KiB is zero, text, utf16, arabic, random (compressed or encrypted) or other.
    """

    address: str
    run: str
    medium: str
    offset: int
    length: int
    kinds: dict[str, int] = {}


class Text(Struct, frozen=True, tag="text", omit_defaults=True):
    """The text of an item; `marks` are places in it: (character offset, label such as `page:3`)."""

    address: str
    run: str
    content: str
    languages: tuple[tuple[str, float], ...] = ()
    scripts: tuple[tuple[str, float], ...] = ()
    source: Source = "native"
    marks: tuple[tuple[int, str], ...] = ()


class Sighting(Struct, frozen=True, tag="sighting", omit_defaults=True):
    """A selector seen somewhere: `address` points at the very characters or field, `item` at the item they are in.

    `line` numbers the line of the text, or is -1 for a field; what shares a line is likely to concern one person.
    """

    address: str
    run: str
    kind: str
    value: str
    raw: str
    item: str = ""
    context: str = ""
    role: Role = "mentioned"
    confidence: float = 1.0
    line: int = -1


class Party(Struct, frozen=True, array_like=True):
    """Somebody's part in an event."""

    role: Role
    kind: str
    value: str
    name: str = ""


class Event(Struct, frozen=True, tag="event", omit_defaults=True):
    """Something happened: a message, a call, a visit, a photograph; its parties are selectors."""

    address: str
    run: str
    kind: str
    when: Instant | None = None
    app: str = ""
    parties: tuple[Party, ...] = ()
    text: str = ""
    item: str = ""
    state: State = "live"
    meta: dict[str, Value] = {}


class Entity(Struct, frozen=True, tag="entity", omit_defaults=True):
    """A person, organisation or thing: a judged set of selectors, never a copy of their facts."""

    address: str
    run: str
    id: str
    schema: str
    caption: str = ""
    selectors: tuple[tuple[str, str], ...] = ()


class Link(Struct, frozen=True, tag="link", omit_defaults=True):
    """Two things belong together, how strongly, and the addresses that show it."""

    address: str
    run: str
    source: str
    target: str
    relation: str
    when: Instant | None = None
    weight: float = 0.0
    why: str = ""
    evidence: tuple[str, ...] = ()


class Judgement(Struct, frozen=True, tag="judgement", omit_defaults=True):
    """An opinion on a pair or a subject, by whom and when; it is withdrawn, never overwritten."""

    address: str
    run: str
    subject: tuple[str, ...]
    verdict: Verdict
    score: float = 0.0
    explanation: str = ""
    author: str = ""
    at: Instant | None = None
    withdrawn: Instant | None = None


class Lead(Struct, frozen=True, tag="lead", omit_defaults=True):
    """Something to look at now: which requirement, list entry or rule asked for it, and why, in words."""

    address: str
    run: str
    rule: str
    severity: int
    why: str
    exhibit: str = ""
    evidence: tuple[str, ...] = ()


class Failure(Struct, frozen=True, tag="failure", omit_defaults=True):
    """What could not be read, where, and why."""

    address: str
    run: str
    kind: FailureKind
    detail: str = ""


class Run(Struct, frozen=True, tag="run", omit_defaults=True):
    """One execution of one unit: what ran, with which settings and tools, where and when."""

    address: str
    run: str
    unit: str
    settings: str = ""
    tools: dict[str, str] = {}
    host: str = ""
    sandbox: str = ""
    started: Instant | None = None
    ended: Instant | None = None


Record = Exhibit | Item | Extent | Stretch | Text | Sighting | Event | Entity | Link | Judgement | Lead | Failure | Run


class Passage(Struct, frozen=True, tag="passage"):
    """A piece of text in reading order; pieces are joined as they are, so a reader ends its lines itself."""

    text: str
    place: str = ""


class Fact(Struct, frozen=True, tag="fact"):
    """A field of the metadata; `key` in the form `group.name`, as in `exif.model`, `pdf.author`, `mail.subject`."""

    key: str
    value: Value


class Stated(Struct, frozen=True, tag="stated"):
    """A selector that the format itself declares: the `raw` value of a field, with whom it belongs to.

    `place` is the locator of the field, as in `exif.gps` or `mail.from`; the reader gives a `Fact` or a `Passage` with
    the same raw value as well.
    """

    kind: str
    raw: str
    role: Role = "mentioned"
    place: str = ""
    owner: str = ""


class Flag(Struct, frozen=True, tag="flag"):
    """Something to know about the item as a whole: encrypted, truncated, damaged, needs-ocr, password …"""

    name: str
    detail: str = ""


def encode(record: Record) -> bytes:
    """A record as one line of JSON, its kind under `type`."""
    return msgspec.json.encode(record)


_decoder = msgspec.json.Decoder(Record)


def decode(line: bytes | str) -> Record:
    """Read what `encode` wrote; raises `msgspec.ValidationError` for anything else."""
    record: Record = _decoder.decode(line)
    return record


def identity(record: Record) -> str:
    """The digest by which a record is the same in every run and every case: all its fields, in order."""
    fields = {"type": type(record).__struct_config__.tag} | msgspec.structs.asdict(record)
    return sha256(msgspec.json.encode(fields, order="deterministic")).hexdigest()

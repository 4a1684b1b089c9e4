"""Every value that the corpus of mail expects is held, or excused by name with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest

from moisson.extract.mail import read_mail, read_mbox
from moisson.extract.mime import parse
from moisson.extract.outlook import read_msg
from moisson.extract.pst import read_pst
from moisson.extract.tnef import read_tnef
from moisson.model import Event, Fact, Passage, Stated
from moisson.reader import Child, Reader
from moisson.times import from_datetime
from tests.extract.pieces import squeezed
from tests.extract.test_mail import below, event, flat, leaves, told

pytestmark = pytest.mark.corpus
NAMES_ONLY = {
    "python_defects": "what one library complains of",
    "source": "which library looked",
    "kind": "the name of the format, checked in tests/identify/test_kind.py by the signature",
    "expect": "words for people; checked in test_mail.test_winmail_gives_its_files",
}
_UNDECODED = "the other parser leaves 8-bit letters undecoded; the third parser's reading is held where it has one"
_JUNK = "a message cut and shuffled on purpose: the other parser gives up at the first line that is no field"
_LINE_ENDS = "both differ in their line ends alone"
_HEAD = "fields and text run into each other: the source project draws the line elsewhere"
_PARTS = "message/external-body and message/partial hold no whole message: they are files here"
EXCUSED = {
    "mail-parser/malformed/019.eml: subject": _JUNK,
    "mail-parser/malformed/019.eml: to": _JUNK,
    "mail-parser/malformed/019.eml: message_id": _JUNK,
    "mail-parser/malformed/019.eml: content_type": _JUNK,
    "mail-parser/malformed/017.eml: content_type": "the other parser keeps a broken parameter in the type",
    "mime4j/mimetools-testmsgs/intl.msg: subject": "the other parser puts a blank where two encoded words meet",
    "mime4j/mimetools-testmsgs/multi-2evil.msg: attachments": "encoded words in a parameter are undone, blanks made one",
    "mail-parser/rfc/001.eml: date": "«Whenever» is no date",
    "mail-parser/rfc/001.eml: parts": _PARTS,
    "mail-parser/thirdparty/009.eml: parts": _PARTS,
    "mail-parser/rfc/001.eml: attachments": "two references to files elsewhere (message/external-body) hold no message",
    "tika/testRFC822_date_utf8: date": "the other parser takes «at 09:30:32 GMT+1» for no date; checked in test_mail.test_dates",
    "ingest-file/richtext.emlx: content_type": "its count of bytes stands before the first field",
    "mime4j/mimetools-testmsgs/empty-preamble.msg: decoded_parts": _LINE_ENDS,
    "mime4j/mimetools-testmsgs/german-qp.msg: decoded_parts": _LINE_ENDS,
    "mime4j/mimetools-testmsgs/hdr-fakeout.msg: decoded_parts": _HEAD,
    "mime4j/testmsgs/basic-plain-with-bad-header-separator.msg: decoded_parts": _HEAD,
    "mime4j/testmsgs/malformedHeader-nocrlfcrlf.msg: decoded_parts": _HEAD,
    "mime4j/testmsgs/malformedHeaderStartsBody-nocrlfcrlf.msg: decoded_parts": _HEAD,
    "mime4j/testmsgs/missing-inner-boundary.msg: decoded_parts": "the inner multipart never begins",
    "mime4j/testmsgs/very-very-long-boundary.msg: decoded_parts": "the last boundary is missing",
    "tika/testMSG_chinese.msg: subject": "read in its own charset: see test_mail.test_a_chinese_outlook_item",
    "tika/testMSG_chinese.msg: sender_name": "read in its own charset",
    "tika/testMSG_chinese.msg: to": "read in its own charset",
}


def undecoded(text: str | None) -> bool:
    return bool(text) and ("�" in text or "=?" in text)


def count_parts(part) -> int:
    inner = count_parts(parse(part.content())) if part.kind == "message/rfc822" and not part.parts else 0
    return 1 + sum(map(count_parts, part.parts)) + inner


def same_moment(pieces: list, date: str) -> bool:
    try:
        wanted = str(from_datetime(parsedate_to_datetime(date)))
    except ValueError:
        return False
    return any(isinstance(p, Event) and str(p.when) == wanted for p in pieces)


def holds_attachments(children: list[Child], root, wanted: list[dict]) -> bool:
    """Digest, size and name of each, and the type that the sender declared; attached messages by their number."""
    there = list(below(children))
    content = {id(child): child.open().whole() for child in there}
    declared = Counter(part.kind for part in leaves(root))
    for file in wanted:
        if file.get("nested_message"):
            if not any(child.kind == "message/rfc822" for child in there):
                return False
            continue
        hits = [c for c in there if hashlib.sha256(content[id(c)]).hexdigest() == file["sha256"]]
        if not any(len(content[id(c)]) == file["size"] for c in hits):
            return False
        if file["name"] and not undecoded(file["name"]) and file["name"] not in [c.name for c in hits]:
            return False
        if not declared[file["type"]]:
            return False
    return True


def wrong_in_letter(raw: bytes, truth: dict) -> list[str]:
    facts, children, text, pieces = told(raw)
    root = parse(raw)
    found = [
        key
        for key in ("subject", "from", "to")
        if not undecoded(truth[key]) and flat(facts.get(f"mail.{key}")) != flat(truth[key]).strip("<>")
        and flat(facts.get(f"mail.{key}")) != flat(truth[key])
    ]  # fmt: skip
    if truth["date"] and not same_moment(pieces, truth["date"]):
        found.append("date")
    if (truth["message_id"] or "").strip("<> ") != str(facts.get("mail.message-id", "")).strip("<> "):
        found.append("message_id")
    if root.kind != truth["content_type"]:
        found.append("content_type")
    # Where the other parser found a defect, its count of parts is its own.
    if not truth["python_defects"] and count_parts(root) < truth["parts"]:
        found.append("parts")
    if not holds_attachments(children, root, truth["attachments"]):
        found.append("attachments")
    digests = {hashlib.sha256(part.content()).hexdigest() for part in leaves(root)}
    if not digests.issuperset(truth.get("decoded_parts", {}).values()):
        found.append("decoded_parts")
    inner = text + "".join(told(c.open().whole())[2] for c in below(children) if c.kind == "message/rfc822")
    if not all(wanted in inner for wanted in truth.get("text_must_contain", ())):
        found.append("text_must_contain")
    return found


def wrong_in_outlook(raw: bytes, truth: dict) -> list[str]:
    facts, children, _, pieces = told(raw, read_msg)
    sender, found = flat(facts["mail.from"]), []
    shown = " ".join(f"{party.name} {party.value}" for party in event(pieces).parties)
    checks = {
        "subject": flat(facts["mail.subject"]) == flat(truth["subject"]),
        "sender_name": truth["sender_name"] in sender,
        "sender_address": truth["sender_address"].casefold() in sender.casefold() or "@" in sender,
        "to": flat(truth["to"]).strip("' ").casefold() in f"{flat(facts.get('mail.to'))} {shown}".casefold(),
        "class": truth["class"] == facts.get("mail.class", truth["class"]),
    }
    found += [key for key, holds in checks.items() if not holds]
    wanted = [(a["name"], a["sha256"]) for a in truth["attachments"] if not a["embedded_message"]]
    files = [(c.name, hashlib.sha256(c.open().whole()).hexdigest()) for c in children if c.kind != "message/rfc822"]
    nested = sum(a["embedded_message"] for a in truth["attachments"])
    if files != wanted or len(children) - len(files) != nested:
        found.append("attachments")
    return found


def wrong_in_store(raw: bytes, truth: dict) -> list[str]:
    """Every message of a store: folder, subject, sender, time of sending, attachments, and how its text begins."""
    found = []
    for child in read_pst(Reader.of(raw)):
        if isinstance(child, Child) and child.role == "message":
            facts, inner, text, pieces = told(child.open().whole())
            found.append((child.name, facts, text, [str(p.when) for p in pieces if isinstance(p, Event)], inner))
    for wanted in truth["messages"]:
        when = wanted["client_submit_time"].replace(" ", "T") + "Z"
        if not any(
            name.startswith(wanted["folder"].strip("/") + "/")
            and flat(facts.get("mail.subject")) == flat(wanted["subject"])
            and wanted["sender_name"] in flat(facts.get("mail.from"))
            and when in times
            and squeezed(wanted["plain_text_starts"]) in squeezed(text)
            and len(inner) == len(wanted["attachments"])
            for name, facts, text, times, inner in found
        ):
            return ["messages"]
    return []


def wrong_in_mailbox(raw: bytes, truth: dict) -> list[str]:
    children = [piece for piece in read_mbox(Reader.of(raw)) if isinstance(piece, Child)]
    subjects = [flat(told(child.open().whole())[0].get("mail.subject")) for child in children]
    found = ["messages"] if len(children) != truth["messages"] else []
    wanted = [flat(subject) for subject in truth.get("subjects", ())]
    return found + (["subjects"] if subjects[: len(wanted)] != wanted else [])


def wrong_in(raw: bytes, truth: dict) -> list[str]:
    if "from" in truth:
        return wrong_in_letter(raw, truth)
    if truth.get("source") == "olefile":
        return wrong_in_outlook(raw, truth)
    if truth.get("kind") == "TNEF":
        return [] if len([p for p in read_tnef(Reader.of(raw)) if isinstance(p, Child)]) == 5 else ["expect"]
    return wrong_in_store(raw, truth) if isinstance(truth["messages"], list) else wrong_in_mailbox(raw, truth)


CHECKED = frozenset(
    ("subject", "from", "to", "date", "message_id", "attachments", "content_type", "parts", "decoded_parts",
     "text_must_contain", "sender_name", "sender_address", "class", "messages", "subjects", "parsed_by_source_project")
)  # fmt: skip


def test_every_value_of_the_mail_is_held_or_excused(corpora):
    folder = corpora / "mail"
    expected = json.loads((folder / "expected.json").read_text())
    assert {key for truth in expected.values() for key in truth} - CHECKED == set(NAMES_ONLY)
    wrong = {
        f"{name}: {key}" for name, truth in expected.items() for key in wrong_in((folder / name).read_bytes(), truth)
    }
    assert wrong - set(EXCUSED) == set()
    assert set(EXCUSED) - wrong == set(), "these hold now: take the excuse away"


THIRD = {
    "mail-parser/malformed/005.eml: body": "the source project takes a field for text",
    "mail-parser/malformed/019.eml: date": _JUNK,
    "mail-parser/malformed/020.eml: body": "a boundary that the source project takes for text",
    "mail-parser/malformed/021.eml: body": "a boundary that the source project takes for text",
    "mail-parser/thirdparty/000.eml: body": "NUL bytes are left out",
    "mail-parser/legacy/049.eml: body": "uuencoded files become attachments",
}


def people_of(value: dict) -> list[tuple[str, str]]:
    """Names and addresses as the source project writes them, groups taken apart."""
    rows = [row for rows in value.values() for row in rows]
    single = [person for row in rows for person in row.get("addresses", [row])]
    return [(person.get("name") or "", person.get("address") or "") for person in single]


def moment_of(value: dict) -> str:
    """The instant of a date that the source project took apart."""
    offset = timedelta(hours=value["tz_hour"], minutes=value["tz_minute"])
    fields = (value[key] for key in ("year", "month", "day", "hour", "minute", "second"))
    return str(from_datetime(datetime(*fields, tzinfo=timezone(-offset if value["tz_before_gmt"] else offset))))


def wrong_in_third(raw: bytes, truth: dict) -> list[str]:
    """What a third parser, of another language, says of the same message."""
    facts, children, text, pieces = told(raw)
    inner = text + "".join(told(c.open().whole())[2] for c in below(children) if c.kind == "message/rfc822")
    stated = {(p.place, p.raw) for p in pieces if isinstance(p, Stated)}
    whole = squeezed(text + "".join(map(str, facts.values()))).replace('"', "")
    found = []
    for field in truth["parts"][0]["headers"]:
        name, value = str(field["name"]), field["value"]
        if not isinstance(value, dict):
            continue
        if name == "subject" and "�" not in (said := value.get("Text") or ""):
            found += ["subject"] if flat(said) != flat(facts.get("mail.subject")) else []
        elif name in ("from", "to", "cc", "bcc", "reply_to", "sender") and "Address" in value:
            place = f"mail.{name.replace('_', '-')}"
            for person, address in people_of(value["Address"]):
                seen = "@" not in address or (place, address) in stated
                named = "�" in person or squeezed(person).replace('"', "") in whole
                found += [] if seen and named else [name]
        elif name == "date" and "DateTime" in value:
            when = moment_of(value["DateTime"])
            found += [] if any(isinstance(p, Event) and str(p.when) == when for p in pieces) else [name]
        elif name == "message_id" and value.get("Text"):
            found += [] if value["Text"] in str(facts.get("mail.message-id")) else [name]
    for number in truth["text_body"]:
        said = truth["parts"][number]["body"].get("Text") or ""
        found += ["body"] if "�" not in said and squeezed(said) not in squeezed(inner) else []
    return found


def test_a_third_parser_reads_the_same(corpora):
    folder = corpora / "mail"
    expected = json.loads((folder / "expected.json").read_text())
    wrong = {
        f"{name}: {key}"
        for name, truth in expected.items()
        if (parsed := truth.get("parsed_by_source_project"))
        for key in wrong_in_third((folder / name).read_bytes(), json.loads((folder / parsed).read_text()))
    }
    assert wrong == set(THIRD)


def test_the_readers_of_mail_say_something_of_every_file(corpora):
    """Also of the files without expected values: a subject, a sender or at least a text."""
    silent = [
        path.name
        for path in sorted((corpora / "mail").rglob("*.eml"))
        if not any(isinstance(p, (Fact, Passage)) for p in read_mail(Reader.of(path.read_bytes())))
    ]
    assert silent == []

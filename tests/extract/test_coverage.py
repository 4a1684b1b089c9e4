"""Every value that the corpus of documents expects is either checked here or elsewhere, or excused by name."""

from __future__ import annotations

import json
import re
import zlib
from functools import cache

import pytest

from moisson import registry
from moisson.errors import EvidenceError
from moisson.identify.kind import identify
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from tests.extract.pieces import Given, squeezed

pytestmark = pytest.mark.corpus
ELSEWHERE = {
    "libmagic_mime": "tests/identify/test_kind.py",
    "mime_in_source_tests": "tests/identify/test_kind.py",
    "metadata_in_source_tests": "another project's names for fields",
    "true_text": "tests/extract/test_pdf.py",
    "password_checked_by": "says who checked",
    "exiftool": "another program's names for fields",
    "note": "words for people",
    "must_not_contain_in_source_tests": "another project's choice of what to leave out",
    "first_table": "no reader of Access databases",
    "first_table_rows": "no reader of Access databases",
    "pages": "no reader of DjVu",
}
_TAGS = "lines that another tool made by dropping every tag, of settings and counts as well"
_ORDER = "another tool's order of letters; the right one is checked in tests/extract/test_rtl.py"
_BYTES = "the bare bytes: field names and marks that the text gives as words or not at all"
_CHARSET = "the bytes read in the wrong charset; the right words are checked beside them"
_UNREAD = "no reader of this format yet; its strings are read"
EXCUSED = {
    "py-pdf/habibi-oneline-cmap.pdf: text_seen": _ORDER,
    "py-pdf/habibi-rotated.pdf: text_seen": _ORDER,
    "py-pdf/habibi.pdf: text_seen": _ORDER,
    "pdfjs/ArabicCIDTrueType.pdf: text_seen": _ORDER,
    "tika/gbk.zip: members_by_7z": "the other program does not know the code page of the names",
    "tika/testZipEntryNameCharsetShiftSJIS.zip: members_by_7z": "the other program does not know the code page of the names",
    "tika/protectedSheets.xlsx: text_seen": "the formula; the text has its value",
    "tika/russian.cp866.txt: text_seen": _CHARSET,
    "tika/testArabicMisleadingCharset.html: text_seen": _CHARSET,
    "tika/testEXCEL_embeddedPDF_windows.xlsx: text_seen": _TAGS,
    "tika/testEXCEL_hyperlinks.xlsx: text_seen": _TAGS,
    "tika/testEXCEL_protected_passtika.xls: text_after_password": "quoted by the other tool",
    "tika/testEXCEL_protected_passtika.xlsx: text_after_password": _TAGS,
    "tika/testWORD_protected_passtika.docx: text_after_password": _TAGS,
    "tika/testPPT_protected_passtika.pptx: text_after_password": "prompts of the master slide",
    "tika/testPPT_comment.pptx: text_seen": "prompts of the master slide",
    "tika/testPPT_protected_passtika.ppt: text_after_password": "the name of the theme; the words of the slide are checked in tests/extract/test_ole.py",
    "tika/testICalendar.ics: text_seen": _BYTES,
    "ingest-file/event.ical: text_seen": _BYTES,
    "ingest-file/meetup.ics: text_seen": _BYTES,
    "ingest-file/udhr_ger.txt: text_seen": "a byte order mark",
    "tika/testODTEmbedded.odt: text_seen": _TAGS,
    "tika/testOpenOffice2.odt: text_seen": _TAGS,
    "tika/testStarOffice-6.0-writer.sxw: text_seen": _TAGS,
    "ingest-file/hello world word.docx: text_seen": _TAGS,
    "tika/testODTEncrypted.odt: text_seen": "the encrypted bytes",
    "ingest-file/encypted_by_libreoffice.odt: text_seen": "the encrypted bytes",
    "ingest-file/file.xlsx: Sheet1_rows": "one of the three is empty",
    "tika/testPagesPwdProtected.pages: protected": _UNREAD,
    "tika/testWordPerfect.wpd: text_must_contain": _UNREAD,
    "ingest-file/Test_rs20846.djvu: text_must_contain": _UNREAD,
}


@cache
def reading(path, keys: tuple[str, ...]) -> tuple[Given, str]:
    """What the best reader gives of a file, and how it ended."""
    data = Reader.of(path.read_bytes())
    kind = identify(data, path.name).mime
    step = registry.best("extract", kind, path.name)
    pieces, end = [], ""
    try:
        pieces.extend(step.run(data, keys) if step else ())
    except EvidenceError as error:
        end = type(error).__name__
    given = Given(
        "".join(p.text for p in pieces if isinstance(p, Passage)),
        {p.key: p.value for p in pieces if isinstance(p, Fact)},
        {p.name for p in pieces if isinstance(p, Flag)},
        [p for p in pieces if isinstance(p, Child)],
        [],
    )
    return given, end if step else "no reader"


def inside(path, keys: tuple[str, ...], depth: int = 0) -> str:
    """All text and facts of a file and of what is in it, squeezed."""
    given, _ = reading(path, keys)
    found = [given.everything, *(child.name for child in given.children)]
    for child in given.children[:200]:
        try:
            data = child.open()
            step = registry.best("extract", identify(data, child.name).mime, child.name)
            for piece in step.run(data, keys) if step and data.size < 20_000_000 else ():
                if isinstance(piece, Passage):
                    found.append(piece.text)
                elif isinstance(piece, Fact):
                    found.append(str(piece.value))
                elif isinstance(piece, Child):
                    found.append(piece.name)
        except EvidenceError:
            continue
    return squeezed("\n".join(found))


def wrong_in(folder, name: str, values: dict) -> list[str]:
    """The keys of one specimen whose value the reader does not give."""
    path = folder / name
    keys = (values["password"],) if values.get("password") else ()
    given, end = reading(path, keys)
    found = []
    texts = [t["text"] for t in values.get("text_must_contain", []) if t.get("also_seen_by")]
    wanted = {"text_must_contain": texts, "text_after_password": values.get("text_after_password", [])}
    wanted["text_seen"] = values.get("text_seen", {}).get("lines", [])
    wanted |= {key: [values[key]] for key in ("title", "description") if key in values}
    wanted["keywords"] = values.get("keywords", [])
    wanted["embedded_files"] = values.get("embedded_files", [])
    whole = inside(path, keys) if any(wanted.values()) else ""
    found += [key for key, lines in wanted.items() if any(squeezed(line) not in whole for line in lines)]
    if "size" in values and path.stat().st_size != values["size"]:
        found.append("size")
    locked = given.flags.union(*(child.flags for child in given.children))
    if values.get("protected") and not locked & {"encrypted", "password"} and end != "PasswordError":
        found.append("protected")
    if (pages := values.get("pdfinfo", {}).get("Pages")) and str(given.facts.get("pdf.pages")) != pages:
        found.append("pdfinfo")
    if "sheets" in values and len(set(re.findall(r"Sheet\d", given.everything))) != values["sheets"]:
        found.append("sheets")
    if "members_by_7z" in values and not members_agree(given, values["members_by_7z"]):
        found.append("members_by_7z")
    for key, fact in (("authored", "office.created"), ("modified", "office.modified")):
        if key in values and not str(given.facts.get(fact, "")).startswith(values[key][:16]):
            found.append(key)
    lines = [line for line in given.text.splitlines() if line.strip()]
    if "rows" in values and len(lines) != values["rows"] - 1:  # that count has the names of columns, or an end, as well
        found.append("rows")
    if "Sheet1_rows" in values:
        first = given.text.partition("Sheet1\n")[2].partition("Sheet2\n")[0]
        found += [] if len(first.split("\n\n")[0].splitlines()) == values["Sheet1_rows"] else ["Sheet1_rows"]
    if "phone" in values and values["phone"] not in re.sub(r"[ ().-]", "", given.everything):
        found.append("phone")
    if not all(squeezed(word) in squeezed(given.text) for word in (item["text"] for item in values.get("hard", ()))):
        found.append("hard")
    if "needs" in values and "needs-ocr" not in given.flags and not (end or given.text.strip()):
        found.append("needs")
    return found


def members_agree(given: Given, members: list[dict]) -> bool:
    """The same names as another program lists, and the same checksums where both can tell."""
    mine = {child.name.replace("\\", "/").rpartition("/")[2]: child for child in given.children}
    for member in members:
        name = member["Path"].replace("\\", "/").rpartition("/")[2]
        if member.get("Folder") == "+" or not member.get("CRC"):
            continue
        if name not in mine:
            return False
        try:
            if f"{zlib.crc32(mine[name].open().whole()):08X}" != member["CRC"]:
                return False
        except EvidenceError:
            return member.get("Encrypted") == "+"
    return True


CHECKED = frozenset(
    ("size", "text_must_contain", "text_seen", "text_after_password", "protected", "password", "pdfinfo", "members_by_7z",
     "needs", "embedded_files", "title", "description", "keywords", "sheets", "authored", "modified", "expect",
     "rows", "Sheet1_rows", "phone", "hard")
)  # fmt: skip


def test_every_value_of_the_documents_is_checked_or_excused(corpora):
    folder = corpora / "docs"
    expected = json.loads((folder / "expected.json").read_text())
    unknown = (
        {key for values in expected.values() if isinstance(values, dict) for key in values} - CHECKED - set(ELSEWHERE)
    )
    assert unknown == set()
    wrong = {
        f"{name}: {key}"
        for name, values in expected.items()
        if isinstance(values, dict) and (folder / name).is_file()
        for key in wrong_in(folder, name, values)
    }
    assert wrong - set(EXCUSED) == set()
    assert set(EXCUSED) - wrong == set(), "these hold now: take the excuse away"

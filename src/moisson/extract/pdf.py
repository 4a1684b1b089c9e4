"""PDF: the text of every page, links, notes, forms, outline, properties, attachments."""

from __future__ import annotations

import ctypes
import re
import zlib
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

from moisson.address import named
from moisson.errors import DamagedError, LimitError, PasswordError
from moisson.extract.pdfforms import without_loops
from moisson.extract.pdfpage import page_text
from moisson.extract.xmp import read_xmp
from moisson.model import Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Stated | Flag | Child
MAX_PAGES = 5000
MAX_NOTES = 2000
MAX_FILES = 2000
MAX_UNPACKED = 64 << 20
MAX_ATTACHMENT = 128 << 20
_FAULTS = (pypdfium2.PdfiumError, ValueError, OverflowError, OSError, ctypes.ArgumentError, UnicodeError)
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([Z+-])(\d\d)?'?(\d\d)?)?")
_NAMES = {"Title": "title", "Author": "author", "Subject": "subject", "Keywords": "keywords", "Creator": "creator",
          "Producer": "producer", "CreationDate": "created", "ModDate": "modified"}  # fmt: skip
_XMP = re.compile(rb"<x:xmpmeta\b.{0,1000000}?</x:xmpmeta>", re.DOTALL)
_INFO = re.compile(rb"/Info\s{1,8}(\d{1,10})\s{1,8}\d{1,5}\s{1,8}R\b")
_OWN = re.compile(rb"/([A-Za-z][A-Za-z0-9_.-]{0,60})\s{0,8}[(<](?!<)")
_NESTED = re.compile(rb"(?:/Fl(?:ateDecode)?\s*){2,8}\]")
_TEXT_KEYS = (b"Contents", b"T", b"V", b"TU")


@step(
    "extract.pdf",
    version=1,
    kinds=("application/pdf",),
    limits=Limits(seconds=60, per_mb=4, memory_mb=1024),
    reference="ISO 32000-2",
)
def read_pdf(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Pages in order, each with its links and notes; opened with `keys` if locked."""
    source, endless = without_loops(data.whole(256 << 20))
    if endless:
        yield Flag("attack", f"{endless} forms draw themselves without end; they are passed over")
    try:
        document, key = _open(source, keys)
    except PasswordError:
        yield Flag("encrypted")
        yield Flag("password")
        raise
    try:
        if key is not None:
            yield Flag("encrypted")
        yield from _facts(document, source)
        yield from _pages(document)
        yield from _outline(document)
        yield from _attachments(document)
    except _FAULTS as why:
        raise DamagedError(f"PDF: {why}") from why
    finally:
        document.close()


def _open(source: bytes, keys: Sequence[str]) -> tuple[Any, str | None]:
    """The document and the password that was needed: "" if it opens without one though it is encrypted."""
    _refuse_bombs(source)
    for key in (None, *dict.fromkeys(keys)):
        try:
            document = pypdfium2.PdfDocument(source, password=key)
        except pypdfium2.PdfiumError as why:
            code = getattr(why, "err_code", None)
            if code != pdfium.FPDF_ERR_PASSWORD and "assword" not in str(why):
                raise DamagedError(f"PDF: {why}") from why
            continue
        except _FAULTS as why:
            raise DamagedError(f"PDF: {why}") from why
        locked = pdfium.FPDF_GetSecurityHandlerRevision(document.raw) >= 0
        return document, key if key is not None else "" if locked else None
    raise PasswordError("a password opens this PDF; none at hand does")


def _refuse_bombs(source: bytes) -> None:
    """Raise `LimitError` for a stream packed over and over that unpacks beyond all measure."""
    for m in list(islice(_NESTED.finditer(source), 100)):
        start = source.find(b"stream", m.end(), m.end() + 4096)
        pieces = [source[start : start + (8 << 20)].removeprefix(b"stream").lstrip(b"\r\n")] if start > 0 else []
        for _ in range(min(8, m[0].count(b"/Fl"))):
            try:
                pieces = [zlib.decompressobj().decompress(pieces[0], MAX_UNPACKED)] if pieces else []
            except zlib.error:
                pieces = []
        if pieces and len(pieces[0]) >= MAX_UNPACKED:
            raise LimitError(f"a stream unpacks to more than {MAX_UNPACKED} bytes")


def _facts(document: Any, source: bytes) -> Iterator[Passage | Fact | Stated]:
    """Properties, those with names of their own too, and what else XMP says, of earlier versions as well."""
    said: set[str] = set()
    for name in (*_NAMES, *_own_names(source)):
        value = document.get_metadata_value(name).strip("\0 ")
        said.add(value)
        if value:
            key = _NAMES.get(name, f"custom.{name}")
            yield Fact(f"pdf.{key}", when(value) if name.endswith("Date") else value)
    yield Fact("pdf.pages", len(document))
    for m in list(islice(_XMP.finditer(source), 20)):
        for piece in read_xmp(m[0]):
            value = piece.text.strip() if isinstance(piece, Passage) else str(getattr(piece, "value", piece))
            if value not in said:
                said.add(value)
                yield piece


def _own_names(source: bytes) -> list[str]:
    """Keys of the information dictionary that the standard does not know, where it stands plainly."""
    infos = _INFO.findall(source)
    start = re.search(rb"(?<!\d)%s\s{1,8}\d{1,5}\s{1,8}obj\b" % infos[-1], source) if infos else None
    body = source[start.end() : start.end() + (1 << 16)].partition(b"endobj")[0] if start else b""
    found = dict.fromkeys(m[1].decode("ascii") for m in _OWN.finditer(body))
    return [name for name in found if name not in _NAMES][:50]


def when(text: str) -> str:
    """A date of ISO 32000-2 7.9.4 as ISO 8601, or as it stands."""
    if not (m := _DATE.match(text.strip())):
        return text
    year, month, day, hour, minute, second, sign, over, minutes = m.groups()
    out = f"{year}-{month or '01'}-{day or '01'}"
    if hour:
        out += f"T{hour}:{minute or '00'}:{second or '00'}"
        out += "Z" if sign == "Z" else f"{sign}{over or '00'}:{minutes or '00'}" if sign else ""
    return out


def _pages(document: Any) -> Iterator[Piece]:
    count, bare, faults = len(document), 0, 0
    if count > MAX_PAGES:
        yield Flag("truncated", f"{count} pages, {MAX_PAGES} read")
    for number in range(min(count, MAX_PAGES)):
        try:
            page = document[number]
        except _FAULTS:
            faults += 1
            continue
        try:
            text = page_text(page)
            yield Passage(text if text.endswith("\n") else text + "\n", f"page:{number + 1}")
            if len(text.strip()) < 10 and _has_picture(page):
                bare += 1
            yield from _notes(document, page, number + 1)
        except _FAULTS:
            faults += 1
        finally:
            page.close()
    if bare:
        yield Flag("needs-ocr", f"{bare} of {count} pages")
    if faults:
        yield Flag("damaged", f"{faults} of {count} pages")


def _has_picture(page: Any) -> bool:
    for i in range(min(pdfium.FPDFPage_CountObjects(page.raw), 2000)):
        found = pdfium.FPDFPage_GetObject(page.raw, i)
        if pdfium.FPDFPageObj_GetType(found) in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            return True
    return False


def _notes(document: Any, page: Any, page_number: int) -> Iterator[Piece]:
    """Targets of links, texts of notes, values of fields, files attached to a place."""
    seen: set[str] = set()
    for i in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), MAX_NOTES)):
        note = pdfium.FPDFPage_GetAnnot(page.raw, i)
        if not note:
            continue
        try:
            said = [_string(note, key) for key in _TEXT_KEYS]
            if file := pdfium.FPDFAnnot_GetFileAttachment(note):
                attached = pypdfium2.PdfAttachment(file, document)
                name = attached.get_name().rstrip("\0") or f"attachment{i + 1}"
                content = _content(attached)
                place = named("pdf", f"{page_number}.{i}:{name}")
                yield Child(name, place, partial(_reader, content), len(content or b""), "attachment")
            link = pdfium.FPDFAnnot_GetLink(note)
            if link and (address := _address(document, link)):
                said.append(address)
        finally:
            pdfium.FPDFPage_CloseAnnot(note)
        line = "\t".join(x for x in said if x)
        if line and line not in seen:
            seen.add(line)
            yield Passage(line + "\n", "note")


def _string(note: Any, key: bytes) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(note, key, None, 0)
    if not 2 < size < 1 << 20:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAnnot_GetStringValue(note, key, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").replace("\r", "\n").replace("\0", "")


def _address(document: Any, link: Any) -> str:
    action = pdfium.FPDFLink_GetAction(link)
    if not action:
        return ""
    call = pdfium.FPDFAction_GetURIPath
    args: tuple[Any, ...] = (document.raw, action)
    if pdfium.FPDFAction_GetType(action) in (pdfium.PDFACTION_LAUNCH, pdfium.PDFACTION_REMOTEGOTO):
        call, args = pdfium.FPDFAction_GetFilePath, (action,)
    size = call(*args, None, 0)
    if not 1 < size < 1 << 16:
        return ""
    buffer = ctypes.create_string_buffer(size)
    call(*args, buffer, size)
    return buffer.raw[: size - 1].decode("utf-8", "replace")


def _outline(document: Any) -> Iterator[Piece]:
    lines = []
    for entry in document.get_toc(max_depth=10):
        lines.append(entry.get_title().strip())
        if len(lines) >= 5000:
            break
    if lines:
        yield Passage("\n".join(lines) + "\n", "outline")


def _attachments(document: Any) -> Iterator[Child]:
    for i in range(min(document.count_attachments(), MAX_FILES)):
        try:
            attached = document.get_attachment(i)
            name = attached.get_name().rstrip("\0") or f"attachment{i + 1}"
        except _FAULTS:
            continue
        content = _content(attached)
        yield Child(name, named("pdf", f"{i}:{name}"), partial(_reader, content), len(content or b""), "attachment")


def _content(attached: Any) -> bytes | None:
    size = ctypes.c_ulong()
    if not pdfium.FPDFAttachment_GetFile(attached, None, 0, size) or size.value > MAX_ATTACHMENT:
        return None
    buffer = ctypes.create_string_buffer(size.value)
    pdfium.FPDFAttachment_GetFile(attached, buffer, size.value, size)
    return buffer.raw[: size.value]


def _reader(content: bytes | None) -> Reader:
    if content is None:
        raise DamagedError("the attached file cannot be read")
    return Reader.of(content)

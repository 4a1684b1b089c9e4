"""What kind of text some bytes are: first whether they are text at all, then by how they begin."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import NamedTuple

from moisson.identify.tables import by_extension, tables, text_patterns

_CONTROL = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_CONTROL_BYTES = bytes(b for b in range(32) if b not in b"\t\n\r\f\b\x0b\x07\x1b") + b"\x7f"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_HEADERS = re.compile(
    r"(?im)^(from|to|cc|bcc|subject|date|received|return-path|delivered-to|message-id|mime-version|content-type|reply-to"
    r"|x-[\w-]+|sender|content-transfer-encoding|in-reply-to|references|list-[\w-]+|resent-\w+|dkim-signature|thread-topic"
    r"|importance|priority|apparently-to|newsgroups|path|user-agent|content-class|envelope-to|status|errors-to):[ \t]*"
)
_STRONG = frozenset(
    ("from", "received", "message-id", "mime-version", "return-path", "delivered-to", "date", "subject", "to")
) | {"content-type"}
_HEADER_LINE = re.compile(r"[!-9;-~]+[ \t]*:|[ \t]+\S|>?From ")
_MULTIPART = re.compile(r"(?i)content-type:\s*multipart/[\w-]+;\s*boundary=")
_MBOX = re.compile(r"From \S+.{0,60}\d{2}:\d{2}(:\d{2})?.{0,30}(19|20)?\d{2}")
_HTML = re.compile(
    r"(?is)<(!doctype\s+html|html|head|body|title|table|script|meta|div|h[1-6]|p|a\s+href|frameset|style|font|span|br)\b"
)
_XML_SKIP = re.compile(r"(?s)\s*(<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[[^\]]*\][^>]*)?>)")
_XML_ROOT = re.compile(r"\s*<(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)((?:\s+[^<>]{0,4000})?)(/?>|$)")
_NAMESPACE = re.compile(r"xmlns(?::([\w.-]+))?\s*=\s*[\"']([^\"']{1,300})[\"']")
_JSON_START = re.compile(r'\s*(\{\s*("(?:[^"\\]|\\.)*"\s*:|\})|\[\s*([\[{"\d\]-]|true|false|null))')
_INI = re.compile(r"(?m)^\[[^\]\n]{1,80}\][ \t]*\r?$")
_PAIR = re.compile(r"(?m)^[\w.\- ]{1,60}[ \t]*[=:]")
_NAMES = {"makefile": "text/x-makefile", "gnumakefile": "text/x-makefile", "dockerfile": "text/x-dockerfile"}
_BINARY_PORTABLE = re.compile(rb"P([456])[ \t\r\n](#.*\n)*\s*\d+\s+\d+\s+")
_PORTABLE = {b"4": "bitmap", b"5": "graymap", b"6": "pixmap"}


class Read(NamedTuple):
    """Bytes read as characters, and in which way."""

    text: str
    charset: str


def decode_text(head: bytes, *, cut: bool) -> Read | None:
    """The characters of bytes that are text in some character set, or None; `cut` if more bytes follow."""
    for bom, charset in _BOMS:
        if head.startswith(bom):
            text = head.decode(charset, "replace")
            bad = text.count("\ufffd") + len(_CONTROL.findall(text))
            return Read(text, charset) if bad <= 1 + len(text) // 100 else None
    if wide := _wide(head):
        return wide
    sample = head.rstrip(b"\0") if not cut and head.count(b"\0") < 64 else head
    odd = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if not (cut and error.start >= len(sample) - 3):
            return _single_byte(sample, odd)
        text = sample[: error.start].decode("utf-8")
    return Read(text, "utf-8") if odd <= len(sample) // 200 + (1 if b"\0" not in sample else 0) else None


def _wide(head: bytes) -> Read | None:
    """UTF-16 without a byte order mark: NULs at every other place, or the high bytes of few blocks."""
    if len(head) < 8:
        return None
    even, odd = head[0::2], head[1::2]
    for high, charset in ((odd, "utf-16-le"), (even, "utf-16-be")):
        low = even if high is odd else odd
        zeros = high.count(0)
        common = Counter(high[:2000]).most_common(2)
        share = sum(n for byte, n in common if byte in (0, 4, 5, 6)) / max(1, len(high[:2000]))
        if share < 0.85 or (zeros < len(high) // 20 and common[0][0] not in (4, 5, 6)) or low.count(0) > len(low) // 50:
            continue
        text = head[: len(head) & ~1].decode(charset, "replace")
        bad = text.count("\ufffd") + len(_CONTROL.findall(text))
        if bad <= len(text) // 200:
            return Read(text, charset)
    return None


def _single_byte(sample: bytes, odd: int) -> Read | None:
    """Text in an older character set: no control bytes, and letters or blanks enough."""
    if odd or not sample:
        return None
    plain = sum(sample.count(b) for b in b" \n\t") + sum(map(sample.count, range(0x41, 0x7B)))
    high = sum(1 for b in sample[:4096] if b >= 0x80)
    wordy = plain / len(sample) > 0.02 or high / len(sample[:4096]) > 0.5
    return Read(sample.decode("latin-1"), "8-bit") if wordy else None


def text_kind(text: str, name: str, *, cut: bool) -> tuple[str, str]:
    """The type of a text and on what grounds: how it begins, its structure, or the extension of its name."""
    start = text.lstrip("\ufeff \t\r\n")
    for pattern, mime in text_patterns("begins"):
        if pattern.match(start):
            return mime, "signature"
    if start.startswith("<") and (found := _markup(start)):
        return found, "root element"
    if mail := _mail(start, name):
        return mail, "headers"
    if _json(start, cut=cut):
        return "application/json", "structure"
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if named := _named(name, extension):
        return named, "text and extension"
    if table := _table(text, extension, cut=cut):
        return table, "structure"
    if _HTML.search(start[:400]) and len(re.findall(r"</?[a-zA-Z]", start)) > 4:
        return "text/html", "structure"
    if _INI.match(start) and _PAIR.search(start):
        return "text/x-ini", "structure"
    for pattern, mime in text_patterns("sources"):
        if len(pattern.findall(start[:8000])) >= 2:
            return mime, "structure"
    return "text/plain", "characters"


def portable_kind(head: bytes) -> str:
    """The type of a binary portable anymap (netpbm), or ""."""
    m = _BINARY_PORTABLE.match(head)
    return f"image/x-portable-{_PORTABLE[m[1]]}" if m else ""


def _markup(start: str) -> str:
    """The type of an XML or HTML text, by its document type or root element."""
    if re.match(r"(?i)<!doctype\s+html(?!\s+public\s+\"-//w3c//dtd xhtml)", start):
        return "text/html"
    xml = start.startswith("<?xml")
    at = 0
    for _ in range(20):
        if not (m := _XML_SKIP.match(start, at)):
            break
        at = m.end()
    root = _XML_ROOT.match(start, at)
    if root:
        kind = _root_kind(root)
        if kind == "application/xhtml+xml":
            return kind if xml or "1999/xhtml" in root[3] or "XHTML" in start[:at] else "text/html"
        if kind:
            return kind
    if _HTML.match(start, _blank(start, at)):
        return "text/html"
    whole = root and (root[4] == "/>" or re.search(rf"</(?:[\w.-]+:)?{re.escape(root[2])}\s*>", start))
    if xml or whole:
        return "application/xml"
    return "text/html" if _HTML.search(start[:1500]) else ""


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _root_kind(root: re.Match[str]) -> str:
    roots = tables()["roots"]
    prefix, local, attributes = root[1] or "", root[2], root[3]
    spaces = {m[1] or "": m[2] for m in _NAMESPACE.finditer(attributes)}
    if kind := roots.get("{" + spaces.get(prefix, "") + "}"):
        return str(kind)
    if local == "document" and "opendocument" in spaces.get(prefix, ""):
        mime = re.search(r"mimetype=[\"']([\w.+/-]+)", attributes)
        return mime[1] if mime else "application/vnd.oasis.opendocument.text"
    if local == "package" and "schemas.microsoft.com/office/2006/xmlPackage" not in attributes:
        return "application/xml"
    if local == "Workbook" and "office:spreadsheet" not in attributes:
        return "application/xml"
    return str(roots.get(local) or roots.get(local.lower() if local.isupper() else local) or "")


def _mail(start: str, name: str) -> str:
    """A mailbox, a message or a saved web page, by its block of headers (RFC 4155, RFC 5322, RFC 2557)."""
    if _MBOX.match(start):
        return "application/mbox"
    first, _, rest = start.partition("\n")
    if first.strip().isdigit() and len(first) < 12 and _looks_mail(rest):
        return "message/x-emlx"
    named = name.lower().endswith((".eml", ".msg", ".mht")) and _HEADERS.match(start)
    if not _looks_mail(start) and not named and not _MULTIPART.match(start):
        return ""
    block = re.split(r"\r?\n\r?\n", start, maxsplit=1)[0]
    saved = re.search(r"(?i)^content-type:\s*multipart/related", block, re.MULTILINE)
    sent = re.search(r"(?im)^(received|to|message-id|return-path|delivered-to):", block)
    return "multipart/related" if saved and not sent else "message/rfc822"


def _looks_mail(start: str) -> bool:
    block = re.split(r"\r?\n\r?\n|\r\r", start[:16_000], maxsplit=1)[0]
    lines = block.splitlines()
    if not lines or (not _HEADERS.match(lines[0]) and not re.match(r"[A-Z][\w-]+:\s", lines[0])):
        return False
    known = {m[1].lower() for m in _HEADERS.finditer(block)}
    strong = known & _STRONG
    proper = sum(bool(_HEADER_LINE.match(line)) for line in lines)
    return len(known) >= 2 and len(strong) >= 2 and proper >= 0.8 * len(lines)


def _json(start: str, *, cut: bool) -> bool:
    if not _JSON_START.match(start):
        return False
    if cut:
        return bool(re.match(r'\s*[\[{]\s*[\[{"\d\]}-]', start))
    try:
        json.loads(start)
    except RecursionError:
        return True
    except ValueError:
        lines = [line for line in start.splitlines() if line.strip()]
        return len(lines) > 1 and all(_valid(line) for line in lines[:20])
    return True


def _valid(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _named(name: str, extension: str) -> str:
    """The type its name gives to a text that nothing else tells: sources, settings, Markdown."""
    base = name.rpartition("/")[2].lower()
    if base in _NAMES:
        return _NAMES[base]
    for mime in by_extension().get(extension, ()):
        if mime.startswith("text/x-") or mime in ("text/css", "text/javascript", "text/markdown", "text/yaml"):
            return mime if extension != "ts" or mime == "text/x-typescript" else ""
    return ""


def _table(text: str, extension: str, *, cut: bool) -> str:
    """Separated values: every line has the same number of separators outside quotes (RFC 4180)."""
    lines = [line for line in re.sub(r'"[^"]*"', '""', text[:16_000]).splitlines() if line.strip()]
    if cut or len(text) > 16_000:
        lines = lines[:-1]
    if len(lines) < 2:
        return "text/csv" if extension == "csv" and lines and re.search(r"[,;\t|]", lines[0]) else ""
    best, most = "", 0
    for separator in "\t;,|":
        counts = [line.count(separator) for line in lines]
        usual, times = Counter(counts).most_common(1)[0]
        wanted = 1 if extension in ("csv", "tsv", "tab") or separator == "\t" or usual == len(lines[0]) else 2
        enough = times >= 0.9 * len(lines) and counts[0] == usual
        if usual >= wanted and enough and (len(lines) > 2 or wanted == 1) and usual > most:
            best, most = separator, usual
    if not best or (best == "|" and extension not in ("csv", "psv") and lines[0].startswith("|")):
        return "text/csv" if extension == "csv" else ""
    return "text/tab-separated-values" if best == "\t" and extension != "csv" else "text/csv"

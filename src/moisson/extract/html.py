"""Web pages: the text that people see, and the addresses behind it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from moisson.errors import DamagedError
from moisson.extract.charset import codec
from moisson.extract.encoding import decode, judge
from moisson.model import Fact, Flag, Passage
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Reader

Piece = Passage | Fact | Flag
MAX_DEPTH = 2000
MAX_ATTRIBUTES = 5000
MAX_UNSEEN = 20_000
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:-]{2,30})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,30})", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)([^<>]*)>")
_WORDS = re.compile(r"[^\W\d_]{2}|\d{5}")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "frame",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "iframe",
        "legend",
        "li",
        "main",
        "nav",
        "ol",
        "optgroup",
        "option",
        "p",
        "pre",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "textarea",
        "tfoot",
        "thead",
        "title",
        "tr",
        "ul",
        "video",
        "audio",
    ]
)
_SILENT = frozenset(("script", "style", "-doctype"))
_LINKED = {"a": "href", "area": "href", "form": "action", "iframe": "src", "frame": "src"}
_TARGET = "\x01"
_SPOKEN = ("alt", "title", "placeholder", "content", "aria-label")
_SCHEMES = ("mailto:", "tel:", "http:", "https:", "ftp:", "sms:", "whatsapp:", "tg:", "geo:", "skype:", "magnet:", "//")


@step("extract.html", version=1, kinds=("text/html", "application/xhtml+xml"), reference="WHATWG HTML")
def read_html(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The text of a page, with the targets of its links."""
    raw = data.whole(64 << 20)
    markup, charset = page_text(raw)
    yield from read_markup(markup)
    yield Fact("text.charset", charset)


def page_text(raw: bytes) -> tuple[str, str]:
    """The characters of a page: by its mark, by what it declares if that fits, else by guessing."""
    declared = _META.search(raw[:4096]) or _XML.match(raw[:400])
    name = codec(declared[1].decode("ascii")) if declared else None
    charset, skip = judge(raw)
    if name and not skip and charset != "utf-8" and not charset.startswith("utf-16") and not name.startswith("utf"):
        try:
            return raw.decode(name), name
        except UnicodeDecodeError as error:
            if error.start > len(raw) // 2:
                return raw.decode(name, "replace"), name
    if name and raw.isascii() and name.startswith("iso2022"):
        return raw.decode(name, "replace"), name
    return decode(raw)


def read_markup(markup: str) -> Iterator[Piece]:
    """Text and facts of a page that is characters already."""
    flat = flatten(markup)
    if flat is not markup:
        yield Flag("truncated", f"nested deeper than {MAX_DEPTH}, or more than {MAX_ATTRIBUTES} attributes in one tag")
    try:
        tree = LexborHTMLParser(flat)
        root = tree.root
    except (SelectolaxError, ValueError, RuntimeError) as why:
        raise DamagedError(f"no readable page: {why}") from why
    if root is None:
        return
    title = tree.css_first("title")
    if title is not None and (text := title.text().strip()):
        yield Fact("html.title", text[:1000])
    yield Passage(squeeze("".join(_behind(_walk(root)))))


def flatten(markup: str) -> str:
    """The same markup, its tags taken out from where they nest too deep, or say too much, for a tree."""
    depth = 0
    for m in _TAG.finditer(markup):
        name = m[2].lower()
        if name not in _VOID and not m[3].endswith("/"):
            depth = max(0, depth - 1) if m[1] else depth + 1
        if depth > MAX_DEPTH or (len(m[3]) > MAX_ATTRIBUTES and m[3].count("=") > MAX_ATTRIBUTES):
            return markup[: m.start()] + _TAG.sub(" ", markup[m.start() :])
    return markup


def squeeze(text: str) -> str:
    """Runs of blanks as one blank, of empty lines as one."""
    lines = (" ".join(line.replace("\t", " \t ").split(" ")).strip() for line in text.splitlines())
    lines = (re.sub(r" ?\t[ \t]*", "\t", re.sub(r"  +", " ", line)) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _behind(pieces: Iterator[str]) -> Iterator[str]:
    """The same pieces, targets of links put at the end of their line, so that no sentence is broken by one."""
    waiting: list[str] = []
    for piece in pieces:
        if piece.startswith(_TARGET):
            waiting.append(piece[1:])
            continue
        if waiting and piece.startswith(("\n", "\t")):
            yield " " + " ".join(waiting)
            waiting = []
        yield piece
    yield " " + " ".join(waiting)


def _walk(root: Any) -> Iterator[str]:
    """The text below a node in reading order, without recursion."""
    node, top = root, root.mem_id  # to compare nodes themselves would write out all that is below them
    while node is not None:
        name = node.tag
        if name == "-text":
            yield (
                re.sub(r"[ \t\r\n\f]+", " ", node.text_content or "")
                if not _in_pre(node)
                else (node.text_content or "")
            )
        elif name in ("-comment", "template"):
            yield _unseen(node, name)
        elif name not in _SILENT:
            yield _opening(node, name)
            if node.child is not None:
                node = node.child
                continue
            yield _closing(node, name)
        while node is not None and node.next is None:
            node = node.parent
            if node is None or node.mem_id == top:
                return
            yield _closing(node, node.tag)
        node = node.next if node is not None else None


def _unseen(node: Any, name: str) -> str:
    """What its writer left out of sight in a comment or a template, unless it is for some program."""
    raw = (node.comment_content if name == "-comment" else node.html) or ""
    text = html.unescape(_TAG.sub(" ", raw[:MAX_UNSEEN])).strip()
    return f"\n{text}\n" if _WORDS.search(text) and not text.startswith("[if") else ""


def _in_pre(node: Any) -> bool:
    return node.parent is not None and node.parent.tag in ("pre", "textarea")


def _opening(node: Any, name: str) -> str:
    out = "\n" if name in _BLOCKS else ""
    attributes = node.attributes
    if not attributes:
        return out
    spoken = [v for key in _SPOKEN if (v := attributes.get(key)) and (key != "content" or _telling(attributes))]
    if page := attributes.get("srcdoc"):
        spoken.append(html.unescape(_TAG.sub(" ", page[:MAX_UNSEEN])))
    if name == "input" and attributes.get("type", "") not in ("submit", "button") and attributes.get("value"):
        spoken.append(attributes["value"])
    return out + "".join(f" {value} " for value in spoken) + ("\n" if name == "meta" and spoken else "")


def _telling(attributes: dict[str, str | None]) -> bool:
    """Whether the content of a `meta` is about the page rather than about its display."""
    name = (attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or "").lower()
    return bool(name) and not name.startswith(
        ("viewport", "theme", "generator", "robots", "msapplication", "twitter:card")
    )


def _closing(node: Any, name: str) -> str:
    if name in _LINKED:
        target = (node.attributes.get(_LINKED[name]) or "").strip()
        if target.lower().startswith(_SCHEMES) and target not in (node.text() or ""):
            return _TARGET + target
    if name in ("td", "th"):
        return "\t"
    return "\n" if name in _BLOCKS else ""

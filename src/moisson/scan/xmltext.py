"""The text of office documents in XML (ECMA-376): runs of letters joined, whatever markup stands between them."""

from __future__ import annotations

import re
from html import unescape

_RUNS = (b"</w:t>", b"</a:t>", b"</text:span>")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}<")
_ENDS = re.compile(rb"<(?:/w:p|/a:p|/text:p|/text:h|w:br|w:tab|/w:tc|text:tab|text:line-break)\b[^>]*>")
_TAGS = re.compile(rb"<[^<>]{0,4000}>")
_MOST = 32 << 20


def holds_runs(data: bytes) -> bool:
    """Whether this is a part of a document whose words may be cut up by markup."""
    return len(data) <= _MOST and _MARKUP.match(data) is not None and any(mark in data for mark in _RUNS)


def joined(data: bytes) -> bytes:
    """The text in UTF-8, a line a paragraph."""
    text = _TAGS.sub(b"", _ENDS.sub(b"\n", data))
    return unescape(text.decode("utf-8", "replace")).encode("utf-8", "replace") if b"&" in text else text

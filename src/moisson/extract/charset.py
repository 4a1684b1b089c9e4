"""Names of character sets, as programs write them."""

from __future__ import annotations

import codecs

_ALIASES = {
    "unicode-1-1-utf-7": "utf-7",
    "x-unknown": "",
    "unknown-8bit": "",
    "8bit": "",
    "x-user-defined": "",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "ks_c_5601-1987": "cp949",
    "gb2312": "gb18030",
    "iso-8859-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "x-mac-arabic": "mac_arabic",
}


def codec(charset: str) -> str | None:
    """The name of a text codec that reads this charset, or None."""
    name = charset.strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    if not name or name.startswith(("idna", "punycode", "unicode_escape", "raw_unicode", "undefined", "mbcs", "oem")):
        return None
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return info.name if getattr(info, "_is_text_encoding", True) else None

"""Archives that were cut into files beside each other: which file is a part of one, by its name."""

from __future__ import annotations

import re

_PART = re.compile(
    r"\.(?:(?:zip|7z|rar|tar|tgz|tar\.(?:gz|xz|bz2|zst))\.\d{3}|z\d\d|part\d{1,4}\.rar|r\d\d)", re.IGNORECASE
)
SAID = "by its name it is a part of a split archive, which is read only when the parts are joined"


def is_part(name: str) -> bool:
    """Whether a file is named as one of several that make up an archive."""
    return bool((found := _PART.search(name)) and found.end() == len(name))

"""Passages that tell more of a person than how to reach them: a delivery, a sale, a journey.

What stands around a number or address is stripped of everything that is a detail itself: numbers, addresses, the names
in the file, the names of fields and columns. When several words are left somebody tells something.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from moisson.selectors.spelling import fold
from moisson.selectors.tables import is_head

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moisson.store.query import Reader

Key = tuple[str, str]

WORDS = 5
_AT_ONCE = 5_000
_PASSAGES = """select s.item, s.kind, s.value, s.context from sightings s
    join (select unnest(?::varchar[]) kind, unnest(?::varchar[]) value) using (kind, value)
    where s.run like 'find.text%'"""
_NAMES = """select item, raw from sightings where kind = 'name' and item in (select unnest(?::varchar[]))"""
_DETAIL = re.compile(r"[\d_@:/\\|<>=]")
_SUM = 3
_MONEY = re.compile(
    r"\d[ \u00a0]?(?:EUR|USD|GBP|TRY|TND|IQD|SYP|DZD|MAD|CHF|€|\$|£|₺|دينار|دولار|يورو|ليرة)(?!\w)|[€$£₺][ \u00a0]?\d"
)
_EDGE = ".,;()[]\"'،؛«»"


def telling(reader: Reader, asked: Iterable[Key]) -> set[Key]:
    """Those of the numbers and addresses around which more is told."""
    keys = sorted(asked)
    found: set[Key] = set()
    for at in range(0, len(keys), _AT_ONCE):
        some = keys[at : at + _AT_ONCE]
        rows = list(reader.stream(_PASSAGES, [k for k, _ in some], [v for _, v in some]))
        named: dict[str, set[str]] = defaultdict(set)
        for item, raw in reader.stream(_NAMES, sorted({item for item, *_ in rows})):
            named[item].update(map(_plain, raw.split()))
        found |= {(kind, value) for item, kind, value, context in rows if _count(context, named[item]) >= WORDS}
    return found


def _count(context: str, named: set[str]) -> int:
    """How many words are left of a passage, a sum of money for several; the first and last may be cut."""
    words = (_plain(word) for word in context.split()[1:-1] if not _DETAIL.search(word))
    return _SUM * len(_MONEY.findall(context)) + sum(
        len(word) > 1 and word not in named and not is_head(word) for word in words
    )


def _plain(word: str) -> str:
    return fold(word.strip(_EDGE))

"""Rebuild `names.tsv.gz` from the packages that carry the data: see README.md beside this file.

    python -m moisson.selectors.data.build INDEX.sqlite3 FAKER_FOLDER SENTENCES_FOLDER

INDEX is `names.sqlite3` of arabic-name-romanizer, FAKER_FOLDER the unpacked wheel of Faker, SENTENCES_FOLDER a folder
of `xx.txt` files with ordinary sentences: words that stand there in lower case are marked as ordinary words.
"""

from __future__ import annotations

import gzip
import importlib
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moisson.selectors.spelling import fold, is_arabic, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OUT = Path(__file__).with_name("names.tsv.gz")
LOCALES = [
    "az_AZ",
    "cs_CZ",
    "da_DK",
    "de_AT",
    "de_CH",
    "de_DE",
    "en_GB",
    "en_IE",
    "en_NZ",
    "en_US",
    "es_ES",
    "et_EE",
    "fi_FI",
    "fr_BE",
    "fr_CH",
    "fr_FR",
    "hr_HR",
    "hu_HU",
    "it_IT",
    "lt_LT",
    "lv_LV",
    "nl_BE",
    "nl_NL",
    "no_NO",
    "pl_PL",
    "pt_PT",
    "ro_RO",
    "sk_SK",
    "sl_SI",
    "sv_SE",
    "tr_TR",
]
WORD = re.compile(r"[^\W\d_]+")
FEWEST = 0.02
FREQUENT = 60


def attested(index: Path) -> Iterator[tuple[str, str, int, str]]:
    """(Arabic token, role, count, token in Latin) for each unit with as many tokens in both."""
    with sqlite3.connect(f"file:{index}?mode=ro", uri=True) as db:
        rows: Iterable[Any] = db.execute("select arabic_key, latin, role, sum(count) from units group by 1, 2, 3")
        for arabic, latin, role, count in rows:
            left, right = tokens(arabic), tokens(latin)
            if len(left) == len(right) < 4:
                for one, other in zip(left, right, strict=True):
                    if is_arabic(one) and other.isascii() and len(other) > 1:
                        yield one, role, count, other


def western(faker: Path) -> tuple[set[str], set[str]]:
    """Given names and surnames of the Latin-script locales, folded."""
    sys.path.insert(0, str(faker))
    given: set[str] = set()
    last: set[str] = set()
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            if attribute.startswith(("first_names", "last_names")):
                chosen = given if attribute.startswith("first") else last
                chosen.update(fold(word) for word in getattr(provider, attribute) if WORD.fullmatch(word))
    return {w for w in given if len(w) > 2}, {w for w in last if len(w) > 2}


def ordinary(folder: Path) -> dict[str, int]:
    """How often folded words occur in lower case (Latin) or at all (Arabic) in ordinary sentences."""
    seen: Counter[str] = Counter()
    for language in ("ar", "de", "en", "es", "fr", "it", "nl", "tr"):
        words = WORD.findall((folder / f"{language}.txt").read_text(encoding="utf-8"))
        seen.update(fold(w) for w in words if w.islower() or not w[0].isascii())
    return dict(seen)


def main(index: str, faker: str, sentences: str) -> None:
    """Write the file."""
    roles: dict[str, Counter[str]] = defaultdict(Counter)
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    for arabic, role, count, latin in attested(Path(index)):
        roles[arabic][role] += count
        spelled[arabic][latin] += count
    lines = []
    for arabic in sorted(spelled):
        top = max(spelled[arabic].values())
        kept = [f"{w}:{n}" for w, n in sorted(spelled[arabic].items()) if n >= FEWEST * top]
        given, last = roles[arabic]["given"], roles[arabic]["surname"] + roles[arabic]["unknown"]
        lines.append(f"{arabic}\t{given}\t{last}\t{' '.join(kept)}")
    first, last_names = western(Path(faker))
    lines += ["=given", *sorted(first), "=surname", *sorted(last_names)]
    known = first | last_names | set(spelled) | {w for c in spelled.values() for w in c}
    lines += ["=ordinary"]
    for word, count in sorted(ordinary(Path(sentences)).items()):
        bare = word.removeprefix("ال")
        named = word in known or bare in known
        if len(word) > 2 and roles[bare].total() < FREQUENT and (count > 1 or not named) and (named or word.isascii()):
            lines.append(word)
    OUT.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    sys.stdout.write(f"{len(lines)} lines, {OUT.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])

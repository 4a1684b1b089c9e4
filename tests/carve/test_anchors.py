from __future__ import annotations

import re

from moisson.carve.anchors import anchors, text_carver
from tests.carve.made import files


def test_every_pattern_has_the_width_it_says():
    for anchor in anchors():
        sample = next(literal for literal in anchor.literals)
        pattern = re.compile(anchor.pattern, re.DOTALL)
        tries = [sample.ljust(anchor.width, bytes([fill])) for fill in range(256)]
        long = [m for m in map(pattern.match, (t + b"\0" * 9 for t in tries)) if m]
        assert all(len(m[0]) == anchor.width for m in long)


def test_every_carver_is_there():
    assert all(callable(anchor.call) for anchor in anchors())
    assert callable(text_carver())


def test_every_made_file_but_text_begins_with_an_anchor():
    free = {"utf8", "utf16", "cp1256", "latin1", "mail", "html", "json"}
    for name, (_, data) in files().items():
        hit = any(re.match(a.pattern, data[a.at :], re.DOTALL) for a in anchors())
        assert hit or name in free, name

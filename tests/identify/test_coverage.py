"""Every value that the corpus of identification expects is held, or excused by name with its reason."""

from __future__ import annotations

import json

import pytest

from moisson.identify.kind import canonical, identify
from moisson.reader import Reader

pytestmark = pytest.mark.corpus
_NEARER = "nearer than what libmagic says today"
EXCUSED = {
    "file/CVE-2014-1943.testfile": "eight bytes made to hang a program; nothing of a disk image is there",
    "file/HWP2016.hwpx.zip.testfile": _NEARER,
    "file/utf16xmlsvg.testfile": _NEARER,
    "file/osm.testfile": _NEARER,
    "magika/basic/jinja/example.j2": _NEARER,
    "file/pnm2.testfile": "a picture of two by two pixels, which is text too",
    "file/gpkg-1-zst.testfile": "a tape archive with a convention for names",
    "file/escapevel.testfile": "the archive names a type that no reader knows: its content is what we say",
}
ELSEWHERE = {
    "expected_mime": "tests/identify/test_kind.py",
    "set": "where the specimen is from",
    "file_flags": "how another program was called",
    "file_result": "another program's sentence; its type is libmagic_mime",
    "label": "the folder; where a type is agreed it is expected_mime, else what libmagic says is compared",
}
# What libmagic says of anything; we may say more.
_VAGUE = ("application/octet-stream", "text/plain", "application/x-wine-extension-ini", "text/x-c")


def test_every_value_of_the_identification_is_held_or_excused(corpora):
    folder = corpora / "ident"
    expected = json.loads((folder / "expected.json").read_text())
    assert {key for values in expected.values() for key in values} - {"size", "libmagic_mime"} == set(ELSEWHERE)
    wrong = set()
    for name, values in expected.items():
        raw = (folder / name).read_bytes()
        assert len(raw) == values["size"]
        said = canonical(values["libmagic_mime"])
        if "expected_mime" not in values and said not in _VAGUE and identify(Reader.of(raw), name).mime != said:
            wrong.add(name)
    assert wrong == set(EXCUSED)

"""Binary property lists: as Python's own writer makes them, and any bytes."""

from __future__ import annotations

import datetime
import json
import plistlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson import registry
from moisson.errors import EvidenceError
from moisson.extract.plist import _ARCHIVE, MAX_VALUES, read_plist
from moisson.identify.kind import identify
from moisson.reader import Reader
from tests.conftest import unpack
from tests.extract.pieces import read


def binary(value) -> bytes:
    return plistlib.dumps(value, fmt=plistlib.FMT_BINARY, sort_keys=False)


def test_values_have_their_path():
    inner = binary({"note": "مرحبا"})
    value = {
        "contacts": [{"name": "Ali", "phone": "+9647701234567"}],
        "when": datetime.datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001
        "blob": inner,
        "xml": plistlib.dumps({"deep": "within"}),
        "raw": b"plain bytes",
        "picture": b"\xff\xd8\xff" + bytes(200),
    }
    given_ = read(read_plist, binary(value))
    assert given_.text.splitlines() == [
        "contacts[0].name: Ali",
        "contacts[0].phone: +9647701234567",
        "when: 2024-01-02 03:04:05Z",
        "blob.note: مرحبا",
        "xml.deep: within",
        "raw: plain bytes",
    ]
    assert [(c.name, c.open().head(3)) for c in given_.children] == [("picture", b"\xff\xd8\xff")]


def test_archived_objects():
    archive = {
        "$version": 100000,
        "$archiver": "NSKeyedArchiver",
        "$top": {"root": plistlib.UID(1)},
        "$objects": ["$null", {"$class": plistlib.UID(3), "text": plistlib.UID(2)}, "hello there",
                     {"$classname": "NSDate", "NS.time": 725846400.0}],
    }  # fmt: skip
    text = read(read_plist, binary(archive)).text
    assert "hello there" in text
    assert "2024-01-02 00:00:00Z" in text
    assert "NSKeyedArchiver" not in text


def test_lists_that_hold_each_other_many_times_end():
    value: list = ["x"]
    for _ in range(40):
        value = [value, value]
    given_ = read(read_plist, binary(value))
    assert "text-cut" in given_.flags
    assert given_.text.count("x") <= MAX_VALUES


def test_a_list_that_holds_itself_ends():
    raw = bytearray(binary([["a"]]))
    raw[9] = 0  # the only entry of the first list is that list
    with suppress(EvidenceError):
        read(read_plist, bytes(raw))


def test_the_reader_is_found_by_content():
    data = Reader.of(binary({"a": 1}))
    assert registry.best("extract", identify(data, "Info.plist").mime, "Info.plist").name == "extract.plist"


def test_of_a_damaged_list_the_words_are_told():
    given_ = read(read_plist, binary({"phone": "+9647701234567", "more": ["x"] * 9})[:-20])
    assert given_.flags == {"damaged"}
    assert "+9647701234567" in given_.text


@given(st.integers(0, 200), st.binary(max_size=12))
def test_broken_lists_do_no_harm(at, bite):
    raw = binary({"a": [1, 2.5, "ب", b"xyz", datetime.datetime(2024, 1, 1)], "b": {"c": True}})  # noqa: DTZ001
    with suppress(EvidenceError):
        read(read_plist, raw[:at] + bite + raw[at + len(bite) :])


@pytest.mark.corpus
@pytest.mark.parametrize("corpus", ["unix", "browsers", "phones"])
def test_the_keys_that_another_reader_names(corpora, corpus):
    expected = json.loads((corpora / corpus / "expected.json").read_text())
    named = {name: values["plist_top_keys"] for name, values in expected.items() if "plist_top_keys" in values}
    assert named
    for name, keys in named.items():
        raw = unpack(corpora / corpus / name)
        step = registry.best(
            "extract", identify(Reader.of(raw), name.removesuffix(".gz")).mime, name.removesuffix(".gz")
        )
        whole = read(step.run, raw).everything
        assert [key for key in keys if key not in whole and key not in _ARCHIVE] == [], name

from __future__ import annotations

import random

import pytest

from moisson.errors import DamagedError, EvidenceError
from moisson.extract.registry import read_registry
from moisson.model import Fact, Passage, Stated
from moisson.reader import Reader
from tests.conftest import unpack


def read(corpora, name):
    return list(read_registry(Reader.of(unpack(corpora / "windows" / name))))


def text_of(pieces):
    return "".join(p.text for p in pieces if isinstance(p, Passage))


@pytest.mark.corpus
def test_a_hive_gives_its_keys_and_values(corpora):
    text = text_of(read(corpora, "plaso/NTUSER-WIN7.DAT.gz"))
    lines = text.splitlines()
    assert r"[Software\Microsoft\Internet Explorer\TypedURLs]" in lines
    assert lines[lines.index(r"[Software\Microsoft\Internet Explorer\TypedURLs]") + 1] == "url1: http://cnn.com/"


@pytest.mark.corpus
def test_what_a_value_states_is_said_with_its_field(corpora):
    pieces = read(corpora, "plaso/NTUSER-WIN7.DAT.gz")
    stated = [p for p in pieces if isinstance(p, Stated)]
    assert ("url", "http://cnn.com/") in [(s.kind, s.raw) for s in stated]
    facts = {p.key: p.value for p in pieces if isinstance(p, Fact)}
    assert all(facts[s.place] == s.raw for s in stated)


@pytest.mark.corpus
def test_a_damaged_list_of_keys_gives_what_is_left(corpora):
    assert text_of(read(corpora, "plaso/regf/corrupt_sub_key_list.hiv"))


@pytest.mark.corpus
def test_a_log_of_transactions_is_no_hive(corpora):
    with pytest.raises(DamagedError):
        read(corpora, "regipy/transactions_ntuser.dat.log1.xz")


@pytest.mark.corpus
def test_changed_bytes_never_surprise(corpora):
    whole = bytearray(unpack(corpora / "windows" / "plaso/regf/100_sub_keys.hiv"))
    draw = random.Random(11)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 12)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            list(read_registry(Reader.of(bytes(data[: draw.randint(4096, len(data))]))))
        except EvidenceError:
            continue

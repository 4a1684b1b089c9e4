from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.extract.text import read_json, read_text, read_xml, unescape
from tests.extract.pieces import read


def test_long_texts_are_read_in_pieces():
    text = "0612345678 خالد\n" * 200_000
    given_ = read(read_text, text.encode())
    assert given_.text == text
    assert given_.facts["text.charset"] == "utf-8"


@settings(max_examples=60)
@given(st.recursive(st.text(max_size=20) | st.integers() | st.none(), lambda x: st.lists(x, max_size=4)))
def test_json_strings_are_as_they_were_written(value):
    values = [value, 'خالد 😀 "cité"']
    assert 'خالد 😀 "cité"' in read(read_json, json.dumps(values).encode()).text


def test_json_within_json():
    inner = json.dumps({"name": "خالد"})
    assert "خالد" in read(read_json, json.dumps({"body": inner}).encode()).text


def test_escapes_at_the_borders_of_pieces():
    row = json.dumps({"name": "😀خالد"}) + " "
    data = ("[" + ",".join([row] * 60_000) + "]").encode()
    assert read(read_json, data).text.count("😀خالد") == 60_000


def test_unescape_leaves_other_backslashes():
    assert unescape(r"C:\dir \q") == r"C:\dir \q"


def test_xml_texts_attributes_and_comments():
    xml = '<a t="+33612345678"><!-- note --><b>Ali</b><b>Omar</b> and <i>more</i></a>'
    text = read(read_xml, xml.encode()).text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines == ["+33612345678 note", "Ali", "Omar", "and more"]


def test_xml_in_utf16_and_windows_1256():
    for charset in ("utf-16", "windows-1256"):
        xml = f'<?xml version="1.0" encoding="{charset}"?><a>خالد</a>'.encode(charset)
        assert "خالد" in read(read_xml, xml).text


def test_entities_are_not_expanded(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    xml = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY y "{"y" * 50}">]><a>&x;&y;seen</a>'
    assert "SECRET" not in read(read_xml, xml.encode()).text


def test_billion_laughs_and_deep_nesting_end():
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    text = read(read_xml, f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l9;</a>'.encode()).text
    assert len(text) < 1_000_000
    deep = read(read_xml, b"<a>" * 300_000 + b"0612345678")
    assert "0612345678" in deep.text


def test_broken_xml_gives_what_follows_the_break():
    assert "tail 0612345678" in read(read_xml, b"<a><b>one</c><d>tail 0612345678").text

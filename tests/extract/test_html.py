from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import DamagedError
from moisson.extract.html import MAX_DEPTH, read_html
from moisson.reader import Reader
from tests.counting import growth
from tests.extract.pieces import read


def text(markup: str, charset: str = "utf-8") -> str:
    return read(read_html, markup.encode(charset)).text


def test_what_people_see():
    page = "<title>T</title><style>p{}</style><script>x()</script><p>one <b>t</b>wo</p><p>three<br>four</p>"
    assert [line for line in text(page).splitlines() if line] == ["T", "one two", "three", "four"]


def test_link_targets_follow_their_line():
    given_ = text('<p>write to <a href="mailto:ali@example.org">Ali</a> or <a href="tel:+33612345678">call</a> him</p>')
    assert given_.strip() == "write to Ali or call him mailto:ali@example.org tel:+33612345678"


def test_a_row_stays_a_line():
    assert text("<table><tr><td>Ali</td><td>0612345678</td></tr></table>").strip() == "Ali\t0612345678"


@pytest.mark.parametrize("charset", ["windows-1256", "utf-8", "iso-8859-6", "utf-16"])
def test_charset_by_declaration(charset):
    page = f'<html><head><meta charset="{charset}"></head><body><p>خالد منصور</p></body></html>'
    assert "خالد منصور" in text(page, charset)


def test_a_false_declaration_does_not_spoil_utf8():
    assert "خالد" in text('<meta charset="iso-8859-1"><p>خالد</p>')


def test_deep_nesting_is_flattened():
    given_ = read(read_html, b"<div>" * (MAX_DEPTH * 50) + b"0612345678")
    assert "0612345678" in given_.text
    assert "truncated" in given_.flags


def test_hidden_values_and_pictures_speak():
    page = '<img alt="the house"><input type="hidden" value="acct-77"><meta name="author" content="Zoé">'
    assert all(word in text(page) for word in ("the house", "acct-77", "Zoé"))


@given(st.text(max_size=200))
def test_any_markup(markup):
    try:
        list(read_html(Reader.of(markup.encode("utf-8", "replace")), ()))
    except DamagedError as why:
        assert str(why)


@pytest.mark.corpus
def test_languages(corpora):
    expected = json.loads((corpora / "lang" / "expected.json").read_text())
    for name, values in expected["udhr"].items():
        given_ = read(read_html, (corpora / "lang" / "udhr" / name).read_bytes())
        assert given_.facts["text.charset"] == "utf-8"
        assert len("".join(given_.text.split())) > values["characters"] * 0.5, name


def test_a_tag_of_a_hundred_thousand_attributes_takes_no_minutes():
    def page(n):
        return b"<p>before</p><p " + b"".join(b"a%d=1 " % k for k in range(n)) + b">after</p>"

    assert growth(lambda n: read(read_html, page(n)), 5000) < 3
    given = read(read_html, page(100_000))
    assert given.text.split()[0] == "before"
    assert "after" in given.text
    assert "truncated" in given.flags


def test_what_is_out_of_sight_is_told():
    page = (
        "<body>seen<!-- old: <a href=x>call &amp; ask Omar</a> --><!--[if mso]>office<![endif]--><template><p>later</p>"
        "</template><iframe srcdoc='<p>framed</p>'></iframe></body>"
    )
    text = read(read_html, page.encode()).text
    assert "call & ask Omar" in text
    assert "later" in text
    assert "framed" in text
    assert "office" not in text


def test_a_long_page_of_short_branches_is_walked_once():
    row = "<tr><td>depot</td></tr>"
    page = text(f"<body><table>{row * 40_000}</table>")
    assert page.count("depot") == 40_000  # to compare subtrees at each end would take hours

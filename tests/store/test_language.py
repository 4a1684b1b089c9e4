from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import UsageError
from moisson.store.language import Group, Match, Not, Words, parse
from moisson.store.terms import compile_query, matcher

WRONG = [
    ('a "bc', "quotes are not closed", 3),
    ("(a", "not closed", 1),
    ("a)", "closes nothing", 2),
    ("()", "empty", 1),
    ("OR b", "both sides", 1),
    ("a OR", "both sides", 3),
    ("a OR OR b", "both sides", 3),
    ("a AND", "both sides", 3),
    ("a NOT", "excludes nothing", 3),
    ("knd:pdf", "no field knd", 1),
    ("a kind:", "wants a value", 8),
    ("size:big", "no size", 1),
    ("date:2024-13", "calendar", 1),
    ("date:yesterday", "no date", 1),
    ("date:..", "beginning or an end", 1),
    ("+++", "no letter", 1),
    ("a*", "two letters", 1),
    ("a b~c~", "", 0),
    ("x-y~", "one word", 1),
    ("(" * 40 + "a" + ")" * 40, "deep", 34),
]


def test_grammar():
    a, b, c = Words(("a",)), Words(("b",)), Words(("c",))
    assert parse("a b") == parse("a AND b") == Group(True, (a, b))
    assert parse("a b OR c") == Group(False, (Group(True, (a, b)), c))
    assert parse("a (b OR c)") == Group(True, (a, Group(False, (b, c))))
    assert parse("a -b") == parse("a NOT b") == Group(True, (a, Not(b)))
    assert parse("") == Group(True, ())
    assert parse('"L\'été x"') == parse("«l'ete X»") == Words(("l", "ete", "x"), "phrase")
    assert parse("e-mail") == Words(("e", "mail"))
    assert parse("أسلح*") == Words(("اسلح*",), "wild")
    assert parse("mosl~2") == Words(("mosl",), "fuzzy", 2)
    assert parse("kind:image,video") == Match("kind", ("image", "video"), 0)
    assert parse('path:"My Files"') == Words(("my", "files"), "phrase", field="path")
    assert parse("exact:houses") == Words(("houses",), field="exact")
    assert parse("http://x.org") == Words(("http", "x", "org"))
    assert parse("12:30 or") == Group(True, (Words(("12", "30")), Words(("or",))))


@pytest.mark.parametrize(("query", "why", "column"), [case for case in WRONG if case[1]])
def test_what_is_wrong_and_where(query, why, column):
    with pytest.raises(UsageError, match=why) as error:
        compile_query(parse(query))
    assert f"(column {column} of the query)" in str(error.value)


def test_too_much_is_refused():
    with pytest.raises(UsageError, match="characters"):
        parse("a" * 5000)
    with pytest.raises(UsageError, match="parts"):
        parse("a " * 300)


@pytest.mark.parametrize("query", ["ab*" * 300, "sel:" + "a*" * 200, "path:" + "x*" * 100])
def test_too_many_stars_are_refused(query):
    with pytest.raises(UsageError, match="too many stars"):
        compile_query(parse(query))


PIECES = [
    "a",
    "ab*",
    "*",
    "~",
    "b~",
    '"',
    "(",
    ")",
    "-",
    "OR",
    "AND",
    "NOT",
    "kind:",
    "size:>1M",
    "date:2024..",
    "sel:+1*",
]


@given(st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
@settings(max_examples=300)
def test_any_text_is_a_query_or_a_usage_error(text):
    node = parsed(text)
    test = matcher(node) if node else None
    assert test is None or test("zzzz") in (True, False)


def parsed(text):
    with suppress(UsageError):
        node = parse(text)
        compile_query(node)
        return node
    return None


WORDS = [("houses", "house", True), ("exact:houses", "house", False), ("mosul~", "mousl", True), ("path:a", "a", False)]
WORDS += [("ab*", "abc", True), ("*bc*", "xbcy", True), ('"a b"', "b", True), ("mosul~", "masal", False)]


@pytest.mark.parametrize(("query", "word", "found"), WORDS)
def test_words_that_answer(query, word, found):
    test = matcher(parse(query))
    assert bool(test and test(word)) == found

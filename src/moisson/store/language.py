"""The query language: what a person types, as a tree.

Words are all required unless OR stands between them; `-` or NOT excludes; parentheses group. "quotes" hold a phrase,
`word*` a beginning, `word~` a spelling one letter off (`~2`: two). `exact:` looks for the very word, not its relatives.
The other fields are `kind: lang: exhibit: state: ext: year: path: date: size: sel: name:`; commas part alternatives. A
query that is one number or one position, however it is written, is one phrase.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from moisson.errors import UsageError
from moisson.store.normal import fold

if TYPE_CHECKING:
    from typing import NoReturn

LONGEST = 4096
_MOST = 256
_DEEPEST = 32
FIELDS = ("kind", "lang", "exhibit", "state", "ext", "year", "path", "date", "size", "sel", "name", "exact")
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“"}
_FIELD = re.compile(r"([A-Za-z]+):")
_BARE = re.compile(r'[^\s()"“”«»„]+')
_NUMBER = re.compile(r"[+(]?\d(?:[\s().\-/]{0,3}\d){6,}")
_PLACE = re.compile(
    r"(?=.*°)[\d\s.,°'\"′″’”NSEWO+\-]{5,80}|[+-]?\d{1,2}[.٫]\d{2,9}\s{0,3}[,;،\s]\s{0,3}[+-]?\d{1,3}[.٫]\d{2,9}",
    re.IGNORECASE,
)
_FUZZY = re.compile(r"(.+)~([12]?)")
Form = Literal["word", "phrase", "wild", "fuzzy"]


@dataclass(frozen=True, slots=True)
class Words:
    """Folded words: one or several in a row; `wild` keeps its stars, `distance` counts the letters that may differ.

    `raw` is what was typed.
    """

    words: tuple[str, ...]
    form: Form = "word"
    distance: int = 0
    field: str = ""
    raw: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A field and the alternatives asked of it, as typed."""

    field: str
    values: tuple[str, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Group:
    """All or any of several parts; without a part, everything."""

    every: bool
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What must not match."""

    part: Node


Node = Words | Match | Group | Not


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["(", ")", "-", "or", "and", "text"]
    text: str
    column: int
    field: str = ""
    quoted: bool = False


def refuse(why: str, column: int) -> NoReturn:
    """Say what is wrong with a query, and where (columns count from 1)."""
    raise UsageError(f"{why} (column {column + 1} of the query)")


def parse(query: str) -> Node:
    """Read a query; raises `UsageError` with a column."""
    if len(query) > LONGEST:
        raise UsageError(f"a query has at most {LONGEST} characters")
    if _NUMBER.fullmatch(query.strip()) or _PLACE.fullmatch(query.strip()):
        return _leaf(_Token("text", query.strip(), 0, quoted=True))
    tokens = _tokens(query)
    if len(tokens) > _MOST:
        refuse(f"a query has at most {_MOST} parts", tokens[_MOST].column)
    node, rest = _any(tokens, 0, 0)
    if rest < len(tokens):
        refuse("this parenthesis closes nothing", tokens[rest].column)
    return node


def _tokens(query: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(query):
        c = query[at]
        if c.isspace():
            at += 1
        elif c in "()":
            tokens.append(_Token("(" if c == "(" else ")", c, at))
            at += 1
        elif c == "-" and query[at + 1 : at + 2].strip():
            tokens.append(_Token("-", c, at))
            at += 1
        else:
            token, at = _text(query, at)
            tokens.append(token)
    return tokens


def _text(query: str, at: int) -> tuple[_Token, int]:
    start, field = at, ""
    named = _FIELD.match(query, at)
    if named and named[1].lower() in FIELDS:
        field, at = named[1].lower(), named.end()
    elif named and len(named[1]) > 2 and not query.startswith(("//", "\\", "@"), named.end()):
        refuse(f"no field {named[1]}: here; there are {', '.join(FIELDS)} (or put it in quotes)", at)
    if (c := query[at : at + 1]) in _QUOTES and c:
        end = min((e for q in {_QUOTES[c], '"'} if (e := query.find(q, at + 1)) >= 0), default=-1)
        if end < 0:
            refuse("these quotes are not closed", at)
        return _Token("text", query[at + 1 : end], start, field, quoted=True), end + 1
    if not (bare := _BARE.match(query, at)):
        refuse(f"{field}: wants a value" if field else f"{c} makes no sense here", at)
    kinds: dict[str, Literal["or", "and", "-"]] = {"OR": "or", "AND": "and", "NOT": "-"}
    return _Token("text" if field else kinds.get(bare[0], "text"), bare[0], start, field), bare.end()


def _any(tokens: list[_Token], at: int, depth: int) -> tuple[Node, int]:
    if depth > _DEEPEST:
        refuse(f"parentheses go at most {_DEEPEST} deep", tokens[at].column if at < len(tokens) else 0)
    parts: list[Node] = []
    while True:
        node, at = _all(tokens, at, depth)
        parts.append(node)
        if at >= len(tokens) or tokens[at].kind != "or":
            return (parts[0] if len(parts) == 1 else Group(False, tuple(parts))), at
        either = tokens[at].column
        at += 1
        if (isinstance(node, Group) and not node.parts) or at >= len(tokens) or tokens[at].kind in (")", "or"):
            refuse("OR wants something on both sides", either)


def _all(tokens: list[_Token], at: int, depth: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(tokens) and tokens[at].kind not in (")", "or"):
        if tokens[at].kind == "and":
            if not parts or at + 1 >= len(tokens) or tokens[at + 1].kind in (")", "or", "and"):
                refuse("AND wants something on both sides", tokens[at].column)
            at += 1
        node, at = _one(tokens, at, depth)
        parts.append(node)
    return (parts[0] if len(parts) == 1 else Group(True, tuple(parts))), at


def _one(tokens: list[_Token], at: int, depth: int) -> tuple[Node, int]:
    token = tokens[at]
    if token.kind == "(":
        node, end = _any(tokens, at + 1, depth + 1)
        if end >= len(tokens):
            refuse("this parenthesis is not closed", token.column)
        if isinstance(node, Group) and not node.parts:
            refuse("these parentheses are empty", token.column)
        return node, end + 1
    if token.kind == "-":
        if at + 1 >= len(tokens) or tokens[at + 1].kind not in ("(", "text"):
            refuse("this excludes nothing", token.column)
        node, end = _one(tokens, at + 1, depth)
        return Not(node), end
    return _leaf(token), at + 1


def _leaf(token: _Token) -> Node:
    if token.field in ("", "exact", "path"):
        return _words(token)
    parts = [token.text] if token.quoted or token.field == "sel" else token.text.split(",")
    values = tuple(part for part in parts if part)
    if not values:
        refuse(f"{token.field}: wants a value", token.column)
    return Match(token.field, values, token.column)


def _words(token: _Token) -> Words:
    text, field = token.text, token.field
    if token.quoted:
        return Words(_folded(text, token), "phrase", field=field, raw=text)
    if fuzzy := _FUZZY.fullmatch(text):
        words = _folded(fuzzy[1], token)
        if len(words) > 1:
            refuse("~ takes one word", token.column)
        return Words(words, "fuzzy", int(fuzzy[2] or 1), field)
    if "*" not in text:
        return Words(_folded(text, token), "word", field=field, raw=text)
    words = tuple("*".join(map(fold, text.split("*"))).split(" "))
    if sum(len(word) for word in words) - text.count("*") < 2:
        refuse("* wants at least two letters beside it", token.column)
    if any("*" in word.rstrip("*") or word == "*" for word in words[:-1]) or (len(words) > 1 and "*" in words[-1][:-1]):
        refuse("between several words * can only stand at the end", token.column)
    return Words(words, "wild", field=field)


def _folded(text: str, token: _Token) -> tuple[str, ...]:
    words = tuple(fold(text).split())
    if not words:
        refuse(f"{text!r} holds no letter and no digit", token.column)
    return words

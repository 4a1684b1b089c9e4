"""From the order in which a line is painted to the order in which it is read (the inverse of UAX #9)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_PRESENTATION = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]")
_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_SEPARATORS = ",.:/\u00a0\u060c"
_PARENTHESES = str.maketrans("()", ")(")
_NUMBERS = ("EN", "AN")
_BETWEEN = "-./()+"
_STOPS = ".,;:!?\u060c\u061b\u061f"
_ATTACHED = "@._-/:?=&+#%~"


@lru_cache(4096)
def kind(char: str) -> str:
    """`R`, `L`, `EN`, `AN`, `NSM` or `N` for everything neutral."""
    found = unicodedata.bidirectional(char)
    if found in ("R", "AL"):
        return "R"
    if found in ("L", "EN", "AN", "NSM"):
        return found
    return "N"


def plain(text: str) -> str:
    """Presentation forms as the letters they stand for."""
    return _PRESENTATION.sub(lambda m: unicodedata.normalize("NFKC", m[0]).strip(), text)


def logical(cells: list[str], *, right: bool | None = None) -> str:
    """A line of cells, painted from left to right, in reading order; a cell is a character or a ligature's letters."""
    kinds = [_cell_kind(cell) for cell in cells]
    if "R" not in kinds:
        return "".join(cells)
    if right is None:
        right = _is_right(cells, kinds)
    turned = _backward(cells, kinds, _left_runs(cells, kinds)) if right else _forward(cells, kinds)
    return _bracketed("".join(turned))


def _cell_kind(cell: str) -> str:
    for char in cell:
        if (found := kind(char)) not in ("N", "NSM"):
            return found
    return "NSM" if cell and kind(cell[0]) == "NSM" else "N"


def _is_right(cells: list[str], kinds: list[str]) -> bool:
    """The direction of a line: that of the letters at both its ends; where they differ, punctuation and number tell."""
    places = [i for i, k in enumerate(kinds) if k in ("R", "L")]
    first, last = kinds[places[0]], kinds[places[-1]]
    if first == last:
        return first == "R"
    if cells[0] in _STOPS or cells[-1] in _STOPS:
        return cells[0] in _STOPS
    share = sum(kinds[i] == "R" for i in places) / len(places)
    border = next(i for i in range(len(places) - 1, 0, -1) if kinds[places[i]] != kinds[places[i - 1]])
    left, right = places[border - 1], places[border]
    if right - left > 1 and cells[left + 1] in _STOPS and cells[right - 1] == " ":
        return kinds[left] == "R" if first == "L" else kinds[left] == "L"
    if right - left > 1 and cells[right - 1] in _STOPS and cells[left + 1] == " ":
        return kinds[right] == "R" if first == "L" else kinds[right] == "L"
    return share >= 0.25 if first == "L" else share > 0.5


def _left_runs(cells: list[str], kinds: list[str]) -> list[tuple[int, int]]:
    """Stretches that read from left to right within a line that reads from the right."""
    runs, at = [], 0
    while at < len(kinds):
        if kinds[at] == "L" or (kinds[at] in _NUMBERS and _leads(cells, kinds, at)):
            end = _words(cells, kinds, at)
        elif kinds[at] in _NUMBERS:
            end = _number(cells, kinds, at, arabic=_after_arabic(cells, kinds, at))
            span = _span(cells, kinds, at)
            if span > end and _order(cells[_signed(cells, at) : span]) > 0:
                at, end = _signed(cells, at), span
        else:
            at += 1
            continue
        runs.append((at, end))
        at = end
    return runs


def _leads(cells: list[str], kinds: list[str], at: int) -> bool:
    """Whether a number is the beginning of a Latin word, as in `4x4` or `2024-mail@here`."""
    i = at
    while i < len(kinds) and (kinds[i] in _NUMBERS or cells[i] in _ATTACHED):
        i += 1
    return i < len(kinds) and kinds[i] == "L"


def _words(cells: list[str], kinds: list[str], at: int) -> int:
    """The end of Latin words, with the numbers that go with them."""
    stop = _until(kinds, at)
    end = next(i for i in range(stop - 1, at - 1, -1) if kinds[i] == "L") + 1
    while end < stop and kinds[end] in ("EN", "NSM"):
        end += 1
    while end + 1 < stop and cells[end] in _ATTACHED and kinds[end + 1] in _NUMBERS:
        end = _span(cells, kinds, end + 1, blanks=False)
    stop_sign = int(end + 1 < stop and cells[end] in _STOPS and cells[end + 1] == " ")
    rest = cells[end + stop_sign : stop]
    groups = "".join(rest).split()
    if not groups or rest[0] != " " or not any(k in _NUMBERS for k in kinds[end:stop]) or _order(rest) < 0:
        return end
    word = "".join(cells[max(at, end - 4) : end]).rpartition(" ")[2]
    if len(groups) == 2 and len(word) <= 3 and word.isupper():  # a plate: 687 TN 8210
        return end + stop_sign + 1 + len(groups[0])
    last = max(i for i in range(end, stop) if kinds[i] in _NUMBERS)
    return last + 1


def _span(cells: list[str], kinds: list[str], at: int, *, blanks: bool = True) -> int:
    """The end of a row of numbers and what may stand between them."""
    between, end = _BETWEEN + " " if blanks else _BETWEEN, at
    for i in range(at, len(cells)):
        if kinds[i] in _NUMBERS:
            end = i + 1
        elif cells[i] not in between:
            break
    return end


def _signed(cells: list[str], at: int) -> int:
    """The place of the sign or bracket before a number, or of the number."""
    return at - 1 if at and cells[at - 1] in "+(" else at


def _order(cells: list[str]) -> int:
    """Whether the groups of a telephone number stand as read from the left (1), from the right (-1), or either way."""
    groups = re.split(r"[ \-./]+", "".join(cells).strip())
    if len(groups) < 2:
        return 0
    forward = groups[0].startswith(("+", "0", "(", "\u0660", "\u06f0"))
    last = groups[-1]
    backward = last.endswith(("+", "(")) or last.startswith(("0", "\u0660", "\u06f0"))
    return forward - backward


def _until(kinds: list[str], at: int) -> int:
    return next((i for i in range(at, len(kinds)) if kinds[i] == "R"), len(kinds))


def _after_arabic(cells: list[str], kinds: list[str], at: int) -> bool:
    """Whether the letter that is read before a number, the next one to its right, is Arabic and not Hebrew."""
    for i in range(at, len(kinds)):
        if kinds[i] in ("R", "L"):
            return any(unicodedata.bidirectional(c) == "AL" for c in cells[i])
    return any(unicodedata.bidirectional(c) == "AL" for cell in cells[:at] for c in cell)


def _number(cells: list[str], kinds: list[str], at: int, *, arabic: bool) -> int:
    """The end of a number: digits, with single separators between them (W4), after Hebrew also with signs (W5)."""
    end = at + 1
    while end < len(cells):
        if kinds[end] in (*_NUMBERS, "NSM"):
            end += 1
        elif (
            end + 1 < len(cells)
            and kinds[end + 1] in _NUMBERS
            and (cells[end] in _SEPARATORS or (cells[end] in "+-" and not arabic))
        ):
            end += 2
        else:
            break
    return end


def _backward(cells: list[str], kinds: list[str], runs: list[tuple[int, int]]) -> list[str]:
    out: list[str] = []
    at = len(cells)
    for start, end in [*reversed(runs), (0, 0)]:
        out += (_mirror(cells[i], kinds[i]) for i in range(at - 1, end - 1, -1))
        out += cells[start:end]
        at = start
    return _marks_behind(out)


def _forward(cells: list[str], kinds: list[str]) -> list[str]:
    """A line that reads from the left: its stretches from the first to the last right-to-left letter are turned."""
    out: list[str] = []
    at = 0
    while at < len(cells):
        if kinds[at] not in ("R", "NSM"):
            out.append(cells[at])
            at += 1
            continue
        end = at + 1
        for i in range(at + 1, len(cells)):
            if kinds[i] == "L":
                break
            if kinds[i] in ("R", "NSM"):
                end = i + 1
        start = _numbers_before(cells, kinds, at)
        del out[len(out) - (at - start) :]
        inner, inner_kinds = cells[start:end], kinds[start:end]
        out += _backward(inner, inner_kinds, _left_runs(inner, inner_kinds))
        at = end
    return out


def _numbers_before(cells: list[str], kinds: list[str], at: int) -> int:
    """Where a telephone number begins that is painted before a right-to-left stretch but read after it."""
    start = at
    while start and (kinds[start - 1] in _NUMBERS or cells[start - 1] in _BETWEEN + " "):
        start -= 1
    while start < at and kinds[start] not in _NUMBERS:
        start += 1
    return start if start < at and _order(cells[start:at]) < 0 else at


def _mirror(cell: str, found: str) -> str:
    return cell.translate(_MIRRORED) if found == "N" else cell


def _bracketed(text: str) -> str:
    """Brackets turned back where the file already had them as they are read."""
    found = [c for c in text if c in "()"]
    return text.translate(_PARENTHESES) if found and found[0] == ")" and found[-1] == "(" else text


def _marks_behind(cells: list[str]) -> list[str]:
    """Combining marks behind the letter that carries them: turned lines have them in front."""
    out: list[str] = []
    waiting: list[str] = []
    for cell in cells:
        if _cell_kind(cell) == "NSM":
            waiting.append(cell)
        else:
            out.append(cell)
            out += waiting
            waiting = []
    return out + waiting

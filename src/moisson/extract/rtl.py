"""From the order in which a line is painted to the order in which it is read (the inverse of UAX #9)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_PRESENTATION = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]")
_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_SEPARATORS = ",.:/\u00a0\u060c"
_LATIN_DIGIT, _ARABIC_DIGIT = "EN", "AN"
_WITH_NUMBERS = "+-#%$€£°"
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
        right = _is_right(kinds)
    runs = _left_runs(cells, kinds, right=right)
    if right:
        return "".join(_backward(cells, kinds, runs))
    return "".join(_forward(cells, kinds))


def _cell_kind(cell: str) -> str:
    for char in cell:
        if (found := kind(char)) not in ("N", "NSM"):
            return found
    return "NSM" if cell and kind(cell[0]) == "NSM" else "N"


def _is_right(kinds: list[str]) -> bool:
    """The direction of a line: that of its first letter from the side where most of its letters would begin."""
    letters = [k for k in kinds if k in ("R", "L")]
    right = letters.count("R")
    if letters[-1] == "R":
        return letters[0] == "R" or right * 4 >= len(letters)
    return letters[0] == "R" and right * 2 > len(letters)


def _left_runs(cells: list[str], kinds: list[str], *, right: bool) -> list[tuple[int, int]]:
    """Stretches that read from left to right within a line that reads from the right."""
    runs, at = [], 0
    while at < len(kinds):
        if kinds[at] == "L" or (kinds[at] in ("EN", "AN") and _leads(cells, kinds, at)):
            end = at + 1
            for i in range(at + 1, len(kinds)):
                if kinds[i] == "R":
                    break
                if kinds[i] == "L" or (kinds[i] in ("EN", "NSM") and _attached(cells, kinds, end, i)):
                    end = i + 1
            runs.append((at, end))
            at = end
        elif kinds[at] in ("EN", "AN"):
            end = _number(cells, kinds, at, arabic=_after_arabic(cells, kinds, at))
            runs.append((at, end))
            at = end
        else:
            at += 1
    return runs


def _leads(cells: list[str], kinds: list[str], at: int) -> bool:
    """Whether a number is the beginning of a Latin word, as in `4x4` or `2024-mail@here`."""
    i = at
    while i < len(kinds) and (kinds[i] in ("EN", "AN") or cells[i] in _ATTACHED) and cells[i] != " ":
        i += 1
    return i < len(kinds) and kinds[i] == "L"


def _attached(cells: list[str], kinds: list[str], end: int, at: int) -> bool:
    """Whether a number belongs to the Latin words on its left: no blank lies between, or it goes on in Latin."""
    return all(cells[i] != " " for i in range(end, at)) or any(
        kinds[i] == "L" for i in range(at, _until(kinds, at))
    )


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
        if kinds[end] in ("EN", "AN", "NSM"):
            end += 1
        elif (
            end + 1 < len(cells)
            and kinds[end + 1] in ("EN", "AN")
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
        inner, inner_kinds = cells[at:end], kinds[at:end]
        out += _backward(inner, inner_kinds, _left_runs(inner, inner_kinds, right=True))
        at = end
    return out


def _mirror(cell: str, found: str) -> str:
    return cell.translate(_MIRRORED) if found == "N" else cell


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

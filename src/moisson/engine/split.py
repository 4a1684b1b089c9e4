"""Archives that were cut into files beside each other, found in a listing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.custody.parts import LAST, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.filesystem import Entry

MOST = 200
FLAG = "part"
SAID = "by its name it is a part of a split archive, which is read only when all parts stand beside each other"


class Parts:
    """The parts seen in a listing; each with the number that its caller knows it by."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], dict[int, tuple[int, Entry]]] = {}

    def add(self, number: int, entry: Entry) -> None:
        """Note an entry, if it can be a part."""
        if entry.state == "live" and not entry.directory and (found := place(entry.name)):
            folder = entry.path[: len(entry.path) - len(entry.name)]
            self._seen.setdefault((folder, found.form, found.whole.casefold()), {})[found.number] = (number, entry)

    def archives(self) -> Iterator[tuple[str, list[tuple[int, Entry]]]]:
        """The name of each archive of which no part is missing before the last one there is, and its parts in order."""
        for (_, form, _), parts in self._seen.items():
            numbers = sorted(parts)
            count = len(numbers) - (form == "z01")
            whole = numbers[:count] == list(range(1, count + 1)) and (form != "z01" or numbers[-1] == LAST)
            if whole and 1 < len(numbers) <= MOST:
                name = place(parts[numbers[0]][1].name)
                yield name.whole if name else "", [parts[n] for n in numbers]

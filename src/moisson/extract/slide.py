"""PresentationML (ECMA-376 part 1 §19): slides in their order, each with its notes, comments, diagrams and charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.extract.markup import Sink, local, run, texts
from moisson.extract.parts import Drawing, matching, relations
from moisson.model import Fact, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.extract.package import Package

_BELONGS = ("notesSlide", "diagramData", "chart", "comments", "chartEx", "diagramDrawing")


class _Order(Sink):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "sldId":
            self.ids += [value for key, value in attributes.items() if key.startswith("{") and local(key) == "id"]


def read_slides(package: Package) -> Iterator[Passage | Fact]:
    """Every slide with what belongs to it, then what belongs to none."""
    done: set[str] = set()
    for number, part in enumerate(_slides(package), 1):
        links = relations(package, part)
        yield Passage("", f"slide:{number}")
        for name in (
            part,
            *(r.target for kind in _BELONGS for r in links.values() if r.kind == kind and not r.external),
        ):
            if name.casefold() in done or (name != part and "diagramDrawing" in name):
                continue
            done.add(name.casefold())
            sink = Drawing(relations(package, name))
            for text in texts(package.chunks(name), sink):
                yield Passage(text)
            yield Passage("\n")
            if sink.hidden:
                yield Fact("office.hidden_slide", number)
        for relation in links.values():
            if relation.external:
                yield Passage(relation.target + "\n", "link")
    for name in matching(package, r"ppt/(notesSlides/notesSlide|diagrams/data|charts/chart|comments/\w+?)\d*\.xml"):
        if name.casefold() not in done:
            yield Passage("".join(texts(package.chunks(name), Drawing())) + "\n")
    for name in matching(package, r"ppt/(commentAuthors|authors)\.xml"):
        yield Passage("".join(texts(package.chunks(name), _Authors())))


def _slides(package: Package) -> list[str]:
    """The slides as the presentation orders them, and those it forgot."""
    order = _Order()
    run(package.read("ppt/presentation.xml", 8 << 20), order)
    links = relations(package, "ppt/presentation.xml")
    known = [links[i].target for i in order.ids if i in links and links[i].target in package]
    rest = [name for name in matching(package, r"ppt/slides/slide\d*\.xml") if name not in known]
    return list(dict.fromkeys([*known, *rest]))


class _Authors(Sink):
    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) in ("cmAuthor", "author"):
            self.write(" ".join(v for k, v in attributes.items() if k in ("name", "initials", "userId")) + "\n")

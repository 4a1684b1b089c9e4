"""Single items of Outlook: .msg files ([MS-OXMSG] in [MS-CFB])."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import olefile

from moisson.address import Layer
from moisson.errors import DamagedError, LimitError
from moisson.extract.letter import Letter, pieces
from moisson.extract.mapi import BINARY, OBJECT, STRING8, TIME, UNICODE, Attached, Bag, MapiItem, compose
from moisson.extract.mapicards import vcard
from moisson.extract.message import read_letter
from moisson.extract.mime import parse
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Stated | Flag | Event | Child
_FIXED = {2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xB: 2, 0x14: 8, TIME: 8}
_BROKEN = (OSError, struct.error, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError,
           RecursionError)  # fmt: skip
MAX_CHILDREN = 2000


@step(
    "extract.outlook",
    version=1,
    kinds=("application/vnd.ms-outlook",),
    names=("*.msg", "*.oft"),
    reference="[MS-OXMSG]",
)
def read_msg(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """One item of Outlook; attachments, attached items and the card of a contact are its children."""
    raw = data.whole()
    try:
        with olefile.OleFileIO(raw) as ole:
            item = _item(ole, (), 0)
            if not item.bag.values:
                raise DamagedError("no properties of a message")
            letter = read_letter(parse(compose(item, attach=False)))
            letter.children = list(_children(item))
    except _BROKEN as why:
        raise DamagedError(f"no readable .msg: {why}") from why
    yield from _told(item, letter)
    yield from letter.children


def _told(item: MapiItem, letter: Letter) -> Iterator[Piece]:
    letter.attachments = [a.name for a in item.attachments]
    letter.facts.append(Fact("mail.class", item.bag.text(0x001A)))
    if item.sort.startswith("ipm.appointment"):
        letter.kind = "appointment"
    elif item.sort.startswith("ipm.contact"):
        yield Fact("contact.name", item.bag.text(0x3001))
        return
    yield from pieces(letter)


def _children(item: MapiItem) -> Iterator[Child]:
    if item.sort.startswith("ipm.contact"):
        card = vcard(item)
        yield Child("contact.vcf", Layer("att", "0"), partial(Reader.of, card), len(card), "embedded", "text/vcard")
    for number, attached in enumerate(item.attachments, 1):
        layer = Layer("att", str(number))
        if attached.item:
            whole = compose(attached.item(), depth=1)
            name = f"{attached.name or f'message-{number}'}.eml"
            yield Child(name, layer, partial(Reader.of, whole), len(whole), "message", "message/rfc822")
        else:
            yield Child(attached.name, layer, partial(_open, attached.read), attached.size, "attachment")


def _open(read: Any) -> Reader:
    return Reader.of(read())


def _item(ole: Any, base: tuple[str, ...], depth: int) -> MapiItem:
    bag = _bag(ole, base, 24 if base else 32).settle()
    item = MapiItem(bag)
    if depth > 8:
        raise LimitError("messages within messages more than 8 deep")
    for name in _storages(ole, base)[:MAX_CHILDREN]:
        inside = (*base, name)
        if name.lower().startswith("__recip_version1.0_"):
            one = _bag(ole, inside, 8)
            one.encoding = bag.encoding
            item.recipients.append(one)
        elif name.lower().startswith("__attach_version1.0_"):
            item.attachments.append(_attached(ole, inside, bag.encoding, depth))
    return item


def _attached(ole: Any, base: tuple[str, ...], encoding: str, depth: int) -> Attached:
    bag = _bag(ole, base, 8)
    bag.encoding = encoding
    name = bag.text(0x3707, 0x3704, 0x3001) or f"attachment-{base[-1].rpartition('#')[2]}"
    content = bag.raw(0x3701)
    inner = (*base, "__substg1.0_3701000D")
    if ole.exists("/".join((*inner, "__properties_version1.0"))):
        item = _item(ole, inner, depth + 1)
        return Attached(name, "message/rfc822", bytes, item=lambda: item)
    return Attached(name, bag.text(0x370E), lambda: content, len(content))


def _storages(ole: Any, base: tuple[str, ...]) -> list[str]:
    """The storages right below a storage, in the order of the file."""
    found: dict[str, None] = {}
    for path in ole.listdir(streams=True, storages=False):
        if len(path) > len(base) + 1 and tuple(path[: len(base)]) == base:
            found.setdefault(path[len(base)])
    return list(found)


def _bag(ole: Any, base: tuple[str, ...], skip: int) -> Bag:
    bag = Bag()
    fixed = "/".join((*base, "__properties_version1.0"))
    raw = ole.openstream(fixed).read() if ole.exists(fixed) else b""
    for kind, tag, _, value in struct.iter_unpack("<HHI8s", raw[skip : skip + (len(raw) - skip) // 16 * 16]):
        if kind in _FIXED:
            bag.values[tag] = (kind, value[: _FIXED[kind]])
    for path in ole.listdir(streams=True, storages=False):
        if len(path) == len(base) + 1 and tuple(path[:-1]) == base and path[-1].startswith("__substg1.0_"):
            code = path[-1][12:20]
            tag, kind = int(code[:4], 16), int(code[4:8], 16)
            if kind in (UNICODE, STRING8, BINARY, OBJECT) and len(path[-1]) == 20:
                bag.values[tag] = (kind, ole.openstream("/".join(path)).read())
    return bag

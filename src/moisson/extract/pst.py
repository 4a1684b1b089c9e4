"""Outlook's stores, .pst and .ost: every item becomes a child, rendered as what it is outside of Outlook.

Messages are rendered as RFC 5322 with their attachments as MIME parts, contacts as vCard, appointments as iCalendar;
the same item gives the same bytes each time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pypff

from moisson.address import Layer
from moisson.errors import DamagedError, LimitError
from moisson.extract.mapi import MAX_ATTACHED, MAX_DEPTH, Attached, Bag, MapiItem, compose, subject
from moisson.extract.mapicards import icalendar, vcard
from moisson.model import Fact, Flag
from moisson.reader import Child, Reader
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from moisson.times import Instant

MAX_ITEMS = 1_000_000
MAX_RENDERED = 128 << 20
MAX_FOLDERS = 64
_BROKEN = (OSError, ValueError, TypeError, OverflowError, MemoryError, AttributeError)
_RENDERED = {"ipm.contact": (vcard, ".vcf", "text/vcard"), "ipm.appointment": (icalendar, ".ics", "text/calendar")}


@step(
    "extract.pst",
    version=1,
    kinds=("application/vnd.ms-outlook-pst",),
    names=("*.pst", "*.ost"),
    limits=Limits(seconds=120, per_mb=3),
    reference="[MS-PST]",
)
def read_pst(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The items of a store by folder, then those that no folder holds any more."""
    if data.head(4) != b"!BDN":
        raise DamagedError("no PST signature")
    store = pypff.file()
    try:
        store.open_file_object(data.file())
        root = store.get_root_folder()
    except _BROKEN as why:
        raise DamagedError(f"PST: {_short(why)}") from why
    seen: set[int] = set()
    yield from _folder(store, root, "", seen, 0)
    yield from _orphans(store, seen)
    yield Fact("mail.items", len(seen))


def _short(why: BaseException) -> str:
    return str(why).partition("\n")[0][:200]


def _folder(store: Any, folder: Any, path: str, seen: set[int], depth: int) -> Iterator[Child | Flag]:
    if depth > MAX_FOLDERS:
        yield Flag("damaged", f"folders more than {MAX_FOLDERS} deep")
        return
    try:
        count = folder.get_number_of_sub_items()
    except _BROKEN as why:
        yield Flag("damaged", f"{path}: {_short(why)}")
        return
    broken = 0
    for number in range(min(count, MAX_ITEMS)):
        try:
            item = folder.get_sub_item(number)
            identifier = int(item.identifier)
            name = (item.name or "") if isinstance(item, pypff.folder) else ""
        except _BROKEN:
            broken += 1
            continue
        if isinstance(item, pypff.folder):
            yield from _folder(store, item, f"{path}/{name}" if name else path, seen, depth + 1)
        elif identifier not in seen:
            seen.add(identifier)
            yield from _item(store, item, partial(folder.get_sub_item, number), path, ())
    if broken:
        yield Flag("damaged", f"{broken} unreadable items in {path or '/'}")


def _orphans(store: Any, seen: set[int]) -> Iterator[Child | Flag]:
    """Items that the store's node tree holds and no folder lists: what was deleted or lost."""
    try:
        count = store.get_number_of_orphan_items()
    except _BROKEN:
        return
    for number in range(min(count, MAX_ITEMS)):
        try:
            item = store.get_orphan_item(number)
            identifier = int(item.identifier)
        except _BROKEN:
            continue
        if identifier not in seen and not isinstance(item, pypff.folder):
            seen.add(identifier)
            yield from _item(store, item, partial(store.get_orphan_item, number), "/orphan", ("orphan",))


def _item(store: Any, item: Any, again: Callable[[], Any], path: str, flags: tuple[str, ...]) -> Iterator[Child | Flag]:
    """One item and those of its attachments that are too large to go along; `store` must live as long as they."""
    identifier = str(item.identifier)
    try:
        mapi = _mapi(item, path)
    except _BROKEN as why:
        yield Flag("damaged", f"item {identifier}: {_short(why)}")
        return
    if not mapi.bag.values:
        return
    sort = next((s for s in _RENDERED if mapi.sort.startswith(s)), "")
    render, suffix, kind = _RENDERED.get(sort, (compose, ".eml", "message/rfc822"))
    name = f"{path.strip('/')}/{subject(mapi.bag)[:150] or mapi.bag.text(0x3001) or identifier}{suffix}".lstrip("/")
    opener = partial(_render, store, again, path, render)
    yield Child(name, Layer("pst", identifier), opener, None, "message", kind, _when(mapi.bag), flags)
    for number, attached in enumerate(mapi.attachments, 1):
        if attached.apart or render is not compose:
            layer = Layer("pst", f"{identifier}.{number}")
            yield Child(
                attached.name, layer, partial(_attachment, store, again, number - 1), attached.size, "attachment"
            )


def _when(bag: Bag) -> Instant | None:
    return bag.time(0x3008, 0x0E06, 0x0039)


def _render(store: Any, again: Callable[[], Any], path: str, render: Callable[[MapiItem], bytes]) -> Reader:
    try:
        return Reader.of(render(_mapi(again(), path)))
    except _BROKEN as why:
        raise DamagedError(f"PST item: {_short(why)}") from why


def _attachment(store: Any, again: Callable[[], Any], number: int) -> Reader:
    try:
        attachment = again().get_attachment(number)
        return Reader.of(_read(attachment))
    except _BROKEN as why:
        raise DamagedError(f"PST attachment: {_short(why)}") from why


def _read(attachment: Any) -> bytes:
    size = int(attachment.get_size())
    if size > 1 << 30:
        raise LimitError(f"an attachment of {size} bytes")
    attachment.seek_offset(0, 0)
    out = []
    while size > 0 and (piece := attachment.read_buffer(min(size, 1 << 20))):
        out.append(piece)
        size -= len(piece)
    if size:
        raise DamagedError(f"{size} bytes of the attachment are missing")
    return b"".join(out)


def _mapi(item: Any, path: str, depth: int = 0) -> MapiItem:
    mapi = MapiItem(_bag(item, 0).settle(), folder=path)
    try:
        people = item.get_recipients() if hasattr(item, "get_recipients") else None
    except _BROKEN:
        people = None
    if people is not None:
        for number in range(min(people.get_number_of_record_sets(), 5000)):
            person = _bag(people, number)
            person.encoding = mapi.bag.encoding
            mapi.recipients.append(person)
    mapi.attachments = list(_attachments(item, mapi.bag.encoding, path, depth))
    return mapi


def _attachments(item: Any, encoding: str, path: str, depth: int) -> Iterator[Attached]:
    try:
        count = item.get_number_of_attachments() if hasattr(item, "get_number_of_attachments") else 0
    except _BROKEN:
        count = 0
    total = 0
    for number in range(min(count, 2000)):
        try:
            attachment = item.get_attachment(number)
            bag = _bag(attachment, 0)
            bag.encoding = encoding
            name = bag.text(0x3707, 0x3704, 0x3001) or f"attachment-{number + 1}"
            if attachment.get_number_of_sub_items() and depth < MAX_DEPTH:
                inner = partial(_inner, attachment, path, depth + 1)
                yield Attached(name, "message/rfc822", bytes, item=inner)
                continue
            size = int(attachment.get_size()) if bag.number(0x3705) in (0, 1, 6) else 0
        except _BROKEN:
            continue
        total += size
        apart = size > MAX_ATTACHED or total > MAX_RENDERED
        yield Attached(name, bag.text(0x370E), partial(_guarded_read, attachment), size, apart)


def _guarded_read(attachment: Any) -> bytes:
    try:
        return _read(attachment)
    except _BROKEN as why:
        raise DamagedError(f"PST attachment: {_short(why)}") from why


def _inner(attachment: Any, path: str, depth: int) -> MapiItem:
    try:
        return _mapi(attachment.get_sub_item(0), path, depth)
    except _BROKEN as why:
        raise DamagedError(f"PST attached message: {_short(why)}") from why


def _bag(item: Any, number: int) -> Bag:
    bag = Bag()
    if not item.get_number_of_record_sets():
        return bag
    record = item.get_record_set(number)
    for place in range(min(record.get_number_of_entries(), 5000)):
        try:
            entry = record.get_entry(place)
            tag, kind = entry.get_entry_type(), entry.get_value_type()
            if tag is not None and kind is not None and tag not in bag.values and tag != 0x3701:
                bag.values[tag] = (kind, entry.get_data() or b"")
        except _BROKEN:
            continue
    return bag

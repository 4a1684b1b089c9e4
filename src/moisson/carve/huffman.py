"""JPEG's entropy coding read symbol by symbol, which says whether bytes belong to a picture (ITU-T T.81, baseline)."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from moisson import native

if TYPE_CHECKING:
    Table = array[int]

    from moisson.carve.ground import Span
    from moisson.carve.segments import Frame
    from moisson.reader import Medium

_TABLES = 64


class Coding(NamedTuple):
    """How a scan is coded: the tables of each block of an MCU in order, how many MCUs, how many between restarts.

    `most` is the highest level that a component's mean can have, by its quantisation.
    """

    blocks: tuple[tuple[Table, Table, int], ...]
    mcus: int
    restart: int
    most: tuple[int, ...]


class State(NamedTuple):
    """Where decoding stands between two MCUs: byte, bits left of it, MCUs done, the last level of each component."""

    at: int
    bits: int
    done: int
    levels: tuple[int, ...]


def coding(span: Span | Medium, frame: Frame, scan: int) -> Coding | None:
    """The coding of the scan whose first byte is at `scan`, or None when it is not baseline in one scan."""
    if frame.marker not in (0xC0, 0xC1):
        return None
    tables: dict[int, Table] = {}
    steps: dict[int, int] = {}
    restart, at = 0, 2
    while at < scan:
        head = span.pread(at, 4)
        marker, length = head[1], int.from_bytes(head[2:4], "big")
        if marker == 0xFF:
            at += 1
            continue
        body = span.pread(at + 4, length - 2)
        if marker == 0xC4:
            _read_tables(body, tables)
        elif marker == 0xDB:
            _read_steps(body, steps)
        elif marker == 0xDD and len(body) >= 2:
            restart = int.from_bytes(body[:2], "big")
        elif marker == 0xDA:
            return _coding(frame, body, tables, steps, restart)
        at += 2 + length
    return None


def _read_tables(body: bytes, tables: dict[int, Table]) -> None:
    at = 0
    while at + 17 <= len(body) and len(tables) < _TABLES:
        counts = body[at + 1 : at + 17]
        values = body[at + 17 : at + 17 + sum(counts)]
        tables[body[at]] = _lookup(counts, values)
        at += 17 + sum(counts)


def _read_steps(body: bytes, steps: dict[int, int]) -> None:
    """The step by which the mean of a block is quantised, for each table."""
    at = 0
    while at < len(body):
        width = 2 if body[at] >> 4 else 1
        steps[body[at] & 15] = int.from_bytes(body[at + 1 : at + 1 + width], "big")
        at += 1 + 64 * width


def _lookup(counts: bytes, values: bytes) -> Table:
    """For each 16 bits that may come: length of the code << 8 | symbol, or 0 for none."""
    table = array("H", bytes(2 * 65536))
    code = index = 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            if index >= len(values) or code >= 1 << length:
                return table
            start = code << 16 - length
            table[start : start + (1 << 16 - length)] = array("H", (length << 8 | values[index],)) * (1 << 16 - length)
            code, index = code + 1, index + 1
        code <<= 1
    return table


def _coding(frame: Frame, body: bytes, tables: dict[int, Table], steps: dict[int, int], restart: int) -> Coding | None:
    if body[0] != len(frame.components):
        return None
    widest = max(h for _, h, _, _ in frame.components)
    tallest = max(v for _, _, v, _ in frame.components)
    blocks = []
    for index, (name, wide, tall, _) in enumerate(frame.components):
        chosen = next((body[2 + 2 * i] for i in range(body[0]) if body[1 + 2 * i] == name), -1)
        first, rest = tables.get(chosen >> 4), tables.get(0x10 | chosen & 15)
        if chosen < 0 or first is None or rest is None:
            return None
        count = 1 if len(frame.components) == 1 else wide * tall
        blocks += [(first, rest, index)] * count
    if len(frame.components) == 1:
        widest = tallest = 1
    mcus = -(-frame.width // (8 * widest)) * -(-frame.height // (8 * tallest))
    most = tuple(1024 // max(1, steps.get(step, 1)) + 3 for _, _, _, step in frame.components)
    return Coding(tuple(blocks), mcus, restart, most) if len(blocks) <= 10 else None


class Broken(Exception):
    """The bits are none of this picture; `at` is the byte, `state` what stood before the MCU."""

    def __init__(self, at: int, state: State) -> None:
        super().__init__(f"no code at {at}")
        self.at, self.state = at, state


def decode(raw: bytes, code: Coding, state: State) -> State:
    """Read MCUs from a state on until the picture is full or the bytes end; raises `Broken`."""
    if native.code is None:
        return decode_slowly(raw, code, state)
    broken, *now = native.code.entropy(raw, code.blocks, code.most, state, code.mcus, code.restart)
    after = State._make(now)
    if broken >= 0:
        raise Broken(broken, after)
    return after


def decode_slowly(raw: bytes, code: Coding, state: State) -> State:
    """As `decode`, in Python alone."""
    at, left, done = state.at, state.bits, state.done
    levels = list(state.levels)
    window = _last(raw, at) & (1 << left) - 1 if left else 0
    mcus, most = code.mcus, code.most
    while done < mcus:
        before = State(at, left, done, tuple(levels))
        if code.restart and done and done % code.restart == 0:
            if at + 2 > len(raw):
                return before
            at = _restart(raw, at, done // code.restart, before)
            left, window, levels = 0, 0, [0] * len(levels)
        for first, rest, part in code.blocks:
            index = 0
            while index < 64:
                while left < 32 and at < len(raw):
                    byte = raw[at]
                    if byte == 0xFF:
                        if raw[at + 1 : at + 2] != b"\0":
                            break
                        at += 1
                    window, left, at = window << 8 | byte, left + 8, at + 1
                entry = (rest if index else first)[window >> left - 16 if left >= 16 else window << 16 - left]
                length, symbol = entry >> 8, entry & 0xFF
                extra = symbol & 15 if index else symbol
                if not length or length + extra > left:
                    if left < 32 and at >= len(raw) - 1:
                        return before
                    raise Broken(at, before)
                left -= length + extra
                value, window = window >> left & (1 << extra) - 1, window & (1 << left) - 1
                if not index:
                    levels[part] += value if not extra or value >> extra - 1 else value - (1 << extra) + 1
                    index = 1
                    if extra > 11 or not -most[part] <= levels[part] <= most[part]:
                        raise Broken(at, before)
                    continue
                index += (symbol >> 4) + 1 if extra else 16 if symbol == 0xF0 else 64
                if index > 64 and (extra or symbol):
                    raise Broken(at, before)
        done += 1
        if left >= 8:
            at, window, left = _back(raw, at, left // 8), window >> left // 8 * 8, left % 8
    return State(at, left, done, tuple(levels))


def _restart(raw: bytes, at: int, number: int, before: State) -> int:
    while raw[at : at + 2] == b"\xff\xff":
        at += 1
    if raw[at : at + 2] != bytes((0xFF, 0xD0 + (number - 1) % 8)):
        raise Broken(at, before)
    return at + 2


def _last(raw: bytes, at: int) -> int:
    """The byte that was read last, its stuffed zero passed over."""
    return 0xFF if at > 1 and raw[at - 1] == 0 and raw[at - 2] == 0xFF else raw[at - 1]


def _back(raw: bytes, at: int, count: int) -> int:
    """Return bytes that were taken too early, stuffed zeros included."""
    for _ in range(count):
        at -= 2 if raw[at - 1] == 0 and at > 1 and raw[at - 2] == 0xFF else 1
    return at

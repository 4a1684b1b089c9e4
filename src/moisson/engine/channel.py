"""How the trusted side and its confined child talk: frames on a stream socket, data only, descriptors one way.

A frame is the length of its payload (4 bytes, big-endian), one byte of tag, the number of descriptors (2 bytes) and the
payload. Descriptors travel by SCM_RIGHTS, towards the child only: the trusted side never receives ancillary data.
"""

from __future__ import annotations

import array
import socket
import struct
from typing import TYPE_CHECKING

from moisson.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = struct.Struct(">IBH")
MESSAGE = 8 << 20
CALL, ANSWER = b"C"[0], b"A"[0]
READY, SEND, ASK, DONE, BROKEN = b"R"[0], b"S"[0], b"Q"[0], b"D"[0], b"B"[0]
_AT_ONCE = 200


class Hangup(Exception):
    """The other side is gone."""


def parcels(tag: int, payload: bytes, fds: Sequence[int]) -> list[tuple[bytes, Sequence[int]]]:
    """A frame as pieces to send in order, each with the descriptors that go beside it."""
    pieces: list[tuple[bytes, Sequence[int]]] = [(HEADER.pack(len(payload), tag, len(fds)), fds[:_AT_ONCE])]
    pieces += [(b"+", fds[at : at + _AT_ONCE]) for at in range(_AT_ONCE, len(fds), _AT_ONCE)]
    return [*pieces, (payload, ())]


class Channel:
    """The child's end; a call ends when the handler asks for the next one or returns."""

    def __init__(self, sock: socket.socket, message: int = MESSAGE) -> None:
        self._socket, self._message = sock, message
        self._busy = False
        self.open, self.calls = True, 0

    def receive(self) -> tuple[bytes, list[int]] | None:
        """The next request and its descriptors, which are now the handler's to close; None when there is no more."""
        self.end()
        try:
            received = self._read(CALL)
        except Hangup:
            self.open = False
            return None
        self._busy = True
        self.calls += 1
        return received

    def send(self, message: bytes) -> None:
        """Hand one message to the trusted side; raises `LimitError` when it is too long."""
        self._write(SEND, message)

    def ask(self, message: bytes) -> tuple[bytes, list[int]]:
        """Hand over one message and wait for the answer, with descriptors that are now the handler's to close."""
        self._write(ASK, message)
        return self._read(ANSWER)

    def end(self) -> None:
        """Say that the call in hand is done, if there is one."""
        if self._busy:
            self._busy = False
            self._write(DONE, b"")

    def tell(self, tag: int, payload: bytes) -> None:
        """Send a frame of the machinery itself."""
        self._write(tag, payload)

    def _write(self, tag: int, payload: bytes) -> None:
        if len(payload) > self._message:
            raise LimitError(f"a message of {len(payload)} bytes, more than {self._message}")
        self._socket.sendall(HEADER.pack(len(payload), tag, 0))
        if payload:
            self._socket.sendall(payload)

    def _read(self, expected: int) -> tuple[bytes, list[int]]:
        head, fds = self._exactly(HEADER.size, beside=True)
        length, tag, count = HEADER.unpack(head)
        while len(fds) < count:
            fds += self._exactly(1, beside=True)[1]
        if tag != expected:
            raise Hangup
        return self._exactly(length)[0], fds

    def _exactly(self, n: int, *, beside: bool = False) -> tuple[bytes, list[int]]:
        data, fds = bytearray(n), array.array("i")
        view, room = memoryview(data), socket.CMSG_SPACE(_AT_ONCE * fds.itemsize) if beside else 0
        while view:
            got, ancillary, _, _ = self._socket.recvmsg_into([view], room)
            if not got:
                raise Hangup
            for level, kind, raw in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(raw[: len(raw) - len(raw) % fds.itemsize])
            view = view[got:]
        return bytes(data), list(fds)

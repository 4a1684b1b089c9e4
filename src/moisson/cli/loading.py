"""What holds while parts of the program are being loaded: whoever stops it gets one sentence, as later."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def loading() -> Iterator[None]:
    """Leave at once when stopped: nothing was begun yet, and a library that is being loaded may swallow an exception.

    Where the signal is ignored, or another handles it, that stays.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(*_: object) -> None:
    os.write(2, b"moisson: stopped\n")
    os._exit(128 + signal.SIGINT)

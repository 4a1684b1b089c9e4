"""The way in: whoever stops the program while it is still being loaded gets one sentence, as later."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Load the program and run it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    from moisson.cli.program import program

    signal.signal(signal.SIGINT, before)
    program()


def _stop(*_: object) -> None:
    """Leave at once: nothing was begun yet, and a library that is being loaded may swallow an exception."""
    os.write(2, b"moisson: stopped\n")
    os._exit(128 + signal.SIGINT)

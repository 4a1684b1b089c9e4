"""The way in."""

from __future__ import annotations

from moisson.cli.loading import loading


def main() -> None:
    """Load the program and run it."""
    with loading():
        from moisson.cli.program import program
    program()

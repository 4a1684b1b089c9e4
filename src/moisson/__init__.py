"""Moisson: from a pile of seized media to searchable, linked, provable leads."""

from __future__ import annotations

__version__ = "0.1.0"

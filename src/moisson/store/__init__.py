"""Immutable segments, one manifest, and the questions one may ask of them."""

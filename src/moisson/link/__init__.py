"""Across exhibits: rarity, people, countries."""

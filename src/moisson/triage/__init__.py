"""What to look at first: watchlists, requirements, rules."""

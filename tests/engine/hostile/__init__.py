"""A haul made to break the harvest: bombs, loops, lies and odd names, the same every time it is written."""

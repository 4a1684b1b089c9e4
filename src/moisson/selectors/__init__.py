"""Text to sightings: the kinds of selector and the finders."""

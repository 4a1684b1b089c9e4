"""What no file system names: files told by their own structure, proved by their own sums."""

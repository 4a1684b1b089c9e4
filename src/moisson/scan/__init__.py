"""Raw bytes to selectors, at memory speed, without any file system."""

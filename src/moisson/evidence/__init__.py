"""Opening what was seized, read-only: containers, volumes, file systems, folders."""

"""`python -m moisson`: the same program."""

from moisson.cli.main import main

main()

"""What a user did wrong, or what the machine cannot do: one small tree, each class with its exit code.

Faults of the evidence are not here: they are `model.Failure` records and never end a run.
"""

from __future__ import annotations


class MoissonError(Exception):
    """Something went wrong that one sentence explains."""

    exit_code = 1


class UsageError(MoissonError):
    """A command, a setting or an argument makes no sense."""

    exit_code = 2


class CaseError(MoissonError):
    """The case folder is missing, damaged, locked or of another version."""

    exit_code = 3


class EvidenceError(MoissonError):
    """A medium or a file in it cannot be read; inside a run this becomes a `Failure`."""

    exit_code = 4


class DamagedError(EvidenceError):
    """The bytes are there but are not what their format promises."""


class PasswordError(EvidenceError):
    """The content is encrypted and no key at hand opens it."""


class UnsupportedError(EvidenceError):
    """No reader here knows this format or this variant of it."""


class LimitError(EvidenceError):
    """A ceiling of size, depth, count, ratio or time was reached."""


class AddressError(EvidenceError):
    """An address does not parse, or leads nowhere in this case."""


class CustodyError(MoissonError):
    """The ledger, a signature or a digest does not hold."""

    exit_code = 5


class SandboxError(MoissonError):
    """This machine cannot confine hostile input as strictly as the settings demand."""

    exit_code = 6


class DependencyError(MoissonError):
    """An optional library or program is absent; the message says how to install it."""

    exit_code = 7

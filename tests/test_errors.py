from __future__ import annotations

from moisson import errors


def test_exit_codes_are_stable():
    assert {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    } == {
        "MoissonError": 1,
        "UsageError": 2,
        "CaseError": 3,
        "EvidenceError": 4,
        "DamagedError": 4,
        "PasswordError": 4,
        "UnsupportedError": 4,
        "LimitError": 4,
        "AddressError": 4,
        "CustodyError": 5,
        "SandboxError": 6,
        "DependencyError": 7,
    }

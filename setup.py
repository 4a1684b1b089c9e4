"""The native part of the raw scan. Where there is no compiler the install goes on without it, in Python alone."""

from setuptools import Extension, setup

PARTS = ("module", "gates", "text", "points", "structures", "ranges", "keccak", "sieve", "entropy", "wide")

setup(
    ext_modules=[
        Extension(
            "moisson._native",
            [f"src/native/{part}.c" for part in PARTS],
            depends=["src/native/native.h"],
            extra_compile_args=["-std=c11", "-O3", "-fvisibility=hidden"],
            py_limited_api=True,
            optional=True,
        )
    ]
)

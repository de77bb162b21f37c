"""The numbers of a system call. Pure."""

from typing import NamedTuple


class Call(NamedTuple):
    """Those of x86-64 and of the generic table, which aarch64 uses; None where there is no such call."""

    x86_64: int
    aarch64: int | None

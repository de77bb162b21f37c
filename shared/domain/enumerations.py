"""Enumerations of the contract: closed where they are written, open where they are read (decision 36).

A `Literal` lists what this version writes, and `check_values` refuses any other value. The field itself is
text of at most `VALUE_LENGTH_MAX` characters, because a newer version may have written it. Pure.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import inspect

VALUE_LENGTH_MAX = 64
"""Longest value of any version, in characters. A longer one cannot be decoded."""


class UnknownValueError(Exception):
    """An enumeration has a value that is newer than this program, or that no program writes."""


def open_to(closed: Any) -> msgspec.Meta:  # noqa: ANN401 - typing has no name for a Literal
    """For `Annotated[str, …]`: any text within the length bound. Schemas list the values of the `Literal`.

    They are listed as `x-extensible-enum`, which tells readers of OpenAPI that more values may follow.
    """
    known = get_args(closed)
    return msgspec.Meta(
        max_length=VALUE_LENGTH_MAX,
        extra_json_schema={"x-extensible-enum": list(known)},
        extra={"known": frozenset(known)},
    )


# What this version writes.
Encoding = Literal["utf-8", "base64"]
SourceEncoding = Literal[Encoding, "stored", "live"]
StageName = Literal["compile", "run"]
StreamName = Literal["stdout", "stderr"]
CgroupVersion = Literal["v1", "v2", "none"]
LimitReason = Literal["memory", "output_limit", "disk"]
FailureReason = Literal[
    "exit_code", "signal", LimitReason, "compile_error", "rejected", "sandbox_error", "executor_lost"
]
TimeoutReason = Literal["wall_time", "cpu_time", "idle"]
ExpiryReason = Literal["ttl", "erased"]
BucketName = Literal["FILES", "ARTIFACTS"]
SignalName = Literal["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]

# What it accepts: a later version may write other values (decision 36).
OpenEncoding: TypeAlias = Annotated[str, open_to(Encoding)]
OpenSourceEncoding: TypeAlias = Annotated[str, open_to(SourceEncoding)]
OpenStageName: TypeAlias = Annotated[str, open_to(StageName)]
OpenStreamName: TypeAlias = Annotated[str, open_to(StreamName)]
OpenCgroupVersion: TypeAlias = Annotated[str, open_to(CgroupVersion)]
OpenFailureReason: TypeAlias = Annotated[str, open_to(FailureReason)]
OpenTimeoutReason: TypeAlias = Annotated[str, open_to(TimeoutReason)]
OpenExpiryReason: TypeAlias = Annotated[str, open_to(ExpiryReason)]
OpenBucketName: TypeAlias = Annotated[str, open_to(BucketName)]
OpenSignalName: TypeAlias = Annotated[str, open_to(SignalName)]


def check_values(value: msgspec.Struct) -> None:
    """Raises UnknownValueError if `unknown_value` finds one."""
    unknown = unknown_value(value)
    if unknown is not None:
        raise UnknownValueError(unknown)


def unknown_value(value: msgspec.Struct) -> str | None:
    """The first enumeration value that this version does not write, with its field; None if there is none."""
    plan = _plan(type(value))
    for name, known in plan.enumerations:
        text = getattr(value, name)
        if text not in known and text is not None:
            return f"{name} {text!r}"
    for name in plan.parts:
        part = getattr(value, name)
        for one in part if isinstance(part, tuple) else (part,):
            unknown = unknown_value(one) if isinstance(one, msgspec.Struct) else None
            if unknown is not None:
                return unknown
    return None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The open enumerations of a struct with their known values, and the fields that hold other structs."""

    enumerations: tuple[tuple[str, frozenset[str]], ...]
    parts: tuple[str, ...]


@cache
def _plan(kind: type[msgspec.Struct]) -> _Plan:
    enumerations: list[tuple[str, frozenset[str]]] = []
    parts: list[str] = []
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    for field in described.fields:
        for one in field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,):
            match one.item_type if isinstance(one, inspect.VarTupleType) else one:
                case inspect.Metadata(extra={"known": known}):
                    enumerations.append((field.name, known))
                case inspect.StructType(cls=cls) if _plan(cls) != _NOTHING:
                    parts.append(field.name)
                case _:
                    pass
    return _Plan(tuple(enumerations), tuple(parts))


_NOTHING = _Plan((), ())

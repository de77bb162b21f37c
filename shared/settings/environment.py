"""Reads a settings struct from the environment, once, in a service's `__main__`.

`load` reads ``HEADRACE_<FIELD>`` for each field and rejects values that the field's kind does not allow. A
secret may be in a file that ``HEADRACE_<FIELD>_FILE`` names, because an environment is inherited and can be
read by other processes. A secret is never part of an error message.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin

import msgspec

from shared.settings.groups import Settings
from shared.settings.kinds import PREFIX, SettingsError, bounds_of, invalid_value, parts_of, rule_of

FILE = "_FILE"
SettingsT = TypeVar("SettingsT", bound=Settings)


def load(kind: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """The settings struct filled from the environment. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        variable = PREFIX + field.name.upper()
        text = _secret(variable, environ) if is_secret(field) else environ.get(variable)
        if text is not None:
            values[field.name] = _convert(variable, text, field)
        elif field.required:
            raise SettingsError(
                f"{variable} is not set and has no default: it must be {allowed_in(field.type)}"
            )
    settings = kind(**values)
    settings.check()
    return settings


def is_secret(field: msgspec.structs.FieldInfo) -> bool:
    """Whether the field's value is hidden and may come from a file."""
    rule = rule_of(field.type)
    return rule is not None and rule.is_secret


def allowed_in(kind: object) -> str:
    """The allowed values of a field of this type, for messages."""
    base, _ = parts_of(kind)
    rule, bounds = rule_of(kind), bounds_of(kind)
    if get_origin(base) is Literal:
        return f"one of {', '.join(map(str, get_args(base)))}"
    if rule is not None:
        return f"{rule.allowed}, or empty" if rule.may_be_empty else rule.allowed
    number = "a whole number" if base is int else "a number"
    if bounds is None:
        return number
    lowest = f"from {bounds.ge}" if bounds.ge is not None else f"above {bounds.gt},"
    return f"{number} {lowest} {'to' if bounds.ge is not None else 'at most'} {bounds.le}"


def _secret(variable: str, environ: Mapping[str, str]) -> str | None:
    """The secret from the environment, or from the file that it names, without the trailing newline."""
    file = variable + FILE
    if file not in environ:
        return environ.get(variable)
    if variable in environ:
        raise SettingsError(f"{variable} and {file} are both set: which one is it?")
    try:
        text = Path(environ[file]).read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # The decoder's message would show bytes of the file.
        raise _no_secret(file, environ[file], "it is not UTF-8 text") from None
    except OSError as error:
        raise _no_secret(file, environ[file], error.strerror) from error
    except ValueError as error:
        raise _no_secret(file, environ[file], str(error)) from error
    if not text:
        raise _no_secret(file, environ[file], "it is empty")
    return text


def _no_secret(file: str, path: str, why: str | None) -> SettingsError:
    return invalid_value(file, path, "a file that can be read and holds the secret alone", why)


def _convert(variable: str, text: str, field: msgspec.structs.FieldInfo) -> object:
    kind = field.type
    base, rule = parts_of(kind)[0], rule_of(kind)
    if base is str and rule is not None:
        why = rule.refusal(text)
        if why is not None:
            raise invalid_value(variable, None if rule.is_secret else text, allowed_in(kind), why)
        return text
    try:
        value: object = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_value(variable, text, allowed_in(kind)) from error
    why = None if rule is None else rule.wrong(value)
    if why is not None:
        raise invalid_value(variable, text, allowed_in(kind), why)
    return value

"""Kinds of settings: numbers with both bounds, texts with a rule.

Every field of a settings struct has one of these kinds, so that a service rejects an invalid value at its
start and names the allowed values. `tests/unit/test_settings_matrix.py` fails for a field without a kind.
"""

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

KIB = 1024
MIB = 1024 * KIB
PREFIX = "HEADRACE_"
SECRET_BYTES_MIN = 32
"""RFC 7518 3.2: an HS256 key is at least as long as its hash."""

MESSAGE_BYTES_MAX = 8 * MIB
"""Largest NATS message (max_payload in deploy/nats.conf), and so the largest event."""

EXIT_SETTINGS = 2
"""Exit code of a process with an invalid setting."""

SHOWN_MAX = 120
NEAR = 0.6
"""Least similarity, from 0 to 1, for one word to be proposed for another (difflib)."""

_CREDENTIALS = re.compile(r"//.*@", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9._:%-]{1,253}")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_USUAL_PORTS = {"http": "80", "https": "443"}


class SettingsError(Exception):
    """A setting is missing, invalid, or contradicts another; the message names it."""


Wrong = Callable[[Any], str | None]
"""Returns what is wrong with a value, in a few words; None if it is valid."""


def _nothing_wrong(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule of a text, or of a number beside its bounds: `allowed` describes it, `wrong` checks it."""

    allowed: str
    wrong: Wrong = _nothing_wrong
    may_be_empty: bool = False
    is_secret: bool = False
    """The value is never shown, and may come from a file."""

    bytes_max: int = 4 * KIB

    def refusal(self, text: str) -> str | None:
        """Why a text is rejected; None if it is valid."""
        size = len(text.encode(errors="surrogatepass"))
        if size > self.bytes_max:
            return f"it has {size} bytes, and {self.bytes_max} are the most"
        if not text:
            return None if self.may_be_empty else "it is empty"
        if not (_is_utf8(text) and "\0" not in text if self.is_secret else text.isprintable()):
            return "it is no text" if self.is_secret else "it has a character that cannot be printed"
        return self.wrong(text)


def rule_of(kind: object) -> Rule | None:
    """The rule of a field's type, if it has one."""
    return next((each for each in parts_of(kind)[1] if isinstance(each, Rule)), None)


def bounds_of(kind: object) -> msgspec.Meta | None:
    """The bounds of a number's type, if it has any."""
    return next((each for each in parts_of(kind)[1] if isinstance(each, msgspec.Meta)), None)


def parts_of(kind: object) -> tuple[object, tuple[object, ...]]:
    """A field's base type (`int`, `float`, `str` or a Literal), and the annotations of its type."""
    if get_origin(kind) in {Union, UnionType}:
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is Annotated:
        base, *besides = get_args(kind)
        return base, tuple(besides)
    return kind, ()


def invalid_value(variable: str, value: str | None, allowed: str, why: str | None = None) -> SettingsError:
    """The error for an invalid value; `value` is None for one that must not be shown."""
    subject = "its value" if value is None else show(value)
    return SettingsError(
        f"{variable}: {subject} is not allowed{f' ({why})' if why else ''}: it must be {allowed}"
    )


def show(value: str) -> str:
    """A value for messages: quoted, on one line, shortened, without the credentials of an address."""
    text = repr(_CREDENTIALS.sub("//…@", value))
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def split_csv(text: str) -> frozenset[str]:
    """The words of a comma-separated setting."""
    return frozenset(split_list(text))


def split_list(text: str) -> list[str]:
    """The words of a comma-separated setting, in order."""
    return [word for each in text.split(",") if (word := each.strip())]


def nearest_of(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to an unknown one; None if none is near."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=NEAR)
    return near[0] if near else None


def hint_of(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, if one is near."""
    near = nearest_of(word, known)
    return "" if near is None else f"; did you mean {near}?"


def some_of(known: Collection[str]) -> Rule:
    """The rule of a list of known words, which may be empty."""

    def wrong(text: str) -> str | None:
        unknown = next((word for word in split_list(text) if word not in known), None)
        return None if unknown is None else f"{show(unknown)} is none of them{hint_of(unknown, known)}"

    return Rule(f"some of {', '.join(known)}, separated by commas", wrong, may_be_empty=True)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong_address(text: str) -> str | None:
    return None if _NAME.fullmatch(text) else "it is no name or address of a host"


def _wrong_servers(text: str) -> str | None:
    """Check `HEADRACE_NATS_URL`; nats-py accepts an address without a scheme as well."""
    servers = split_list(text)
    if not servers:
        return "it names no server"
    return next((why for each in servers if (why := _wrong_server(each))), None)


def _wrong_server(url: str) -> str | None:
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"nats", "tls"}:
        return f"{parts.scheme}:// is not how NATS is reached"
    if not parts.hostname or _NAME.fullmatch(parts.hostname) is None:
        return "it names no host"
    if port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
        return "an address ends with its port, which is 4222 or another"
    return None


def _wrong_origins(text: str) -> str | None:
    return next((why for each in split_list(text) if (why := _wrong_origin(each))), None)


def _wrong_origin(origin: str) -> str | None:
    """Check an origin as browsers send it: lower case, no path, no default port."""
    if origin == "*":
        return None
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        return f"{show(origin)} is none"
    if parts[2] == _USUAL_PORTS.get(parts[1]) and parts[2] is not None:
        return f"browsers leave :{parts[2]} out of {parts[1]}"
    return None


def _wrong_origin_of_ours(text: str) -> str | None:
    if not text.startswith(("http://", "https://")):
        return "it begins with http:// or https://"
    return _wrong_origin(text)


def _wrong_upstream(text: str) -> str | None:
    if not text.startswith("http://"):
        return "it begins with http://"
    try:
        port = urlsplit(text).port
    except ValueError as error:
        return str(error)
    return "a port is from 1 to 65535" if port == 0 else _wrong_origin(text)


def _wrong_networks(text: str) -> str | None:
    try:
        for word in split_list(text):
            ip_network(word)
    except ValueError as error:
        return str(error)
    return None


def _unreadable(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return error.strerror
    return None


def _wrong_place(path: str) -> str | None:
    with suppress(OSError):
        if Path(path).is_dir():
            return "it is a directory"
    return None


def _short(secret: str) -> str | None:
    size = len(secret.encode())
    return None if size >= SECRET_BYTES_MIN else f"it has {size} bytes"


Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Bytes = Annotated[int, msgspec.Meta(ge=1, le=2**50)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
WholeSeconds = Annotated[int, msgspec.Meta(ge=1, le=3_153_600_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]

Text = Annotated[str, Rule("a text")]
OptionalText = Annotated[str, Rule("a text", may_be_empty=True)]
Secret = Annotated[str, Rule("a text", is_secret=True)]
"""A value that a file may hold instead of the environment."""

TokenSecret = Annotated[
    str, Rule(f"a text of at least {SECRET_BYTES_MIN} bytes", _short, is_secret=True, bytes_max=64 * KIB)
]
Host = Annotated[str, Rule("an address of this machine, or a name that has one", _wrong_address)]
Servers = Annotated[
    str, Rule("nats://host:port or tls://host:port, or several of them separated by commas", _wrong_servers)
]
Origins = Annotated[
    str,
    Rule(
        "* or origins as browsers send them, such as https://example.org or http://localhost:3000, "
        "separated by commas",
        _wrong_origins,
        may_be_empty=True,
    ),
]
Origin = Annotated[
    str,
    Rule(
        "an origin such as https://events.example.org",
        _wrong_origin_of_ours,
        may_be_empty=True,
    ),
]
Upstream = Annotated[
    str, Rule("where a notifier listens, such as http://127.0.0.1:8071", _wrong_upstream, may_be_empty=True)
]
Networks = Annotated[
    str,
    Rule(
        "addresses and networks such as 10.0.0.0/8, separated by commas", _wrong_networks, may_be_empty=True
    ),
]
ReadableFile = Annotated[str, Rule("a file that can be read", _unreadable, may_be_empty=True)]
FilePath = Annotated[str, Rule("the path of a file", _wrong_place)]

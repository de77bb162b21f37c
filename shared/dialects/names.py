"""Names of the dialects, where each is mounted, and the settings that name them."""

from typing import Annotated

from shared.settings import Rule, hint_of, show, some_of, split_list

DIALECTS = ("jobs", "connections", "executions", "livecode", "progress")
PREFIXES = "/dialects/"
RESERVED = "dialect:"
"""Begins the name of a label that only dialects set: clients' label names have no colon."""

USER_BYTES_MAX = 64
"""Longest name of a user without tokens: ids of its lanes are longer."""

PORT_MAX = 65_535
PORTS_ALLOWED = "a dialect and a port, such as executions=8001, or several of them separated by commas"


class DialectPortError(ValueError):
    """Text that names no dialect and port; the message says why."""


def prefix_of(name: str) -> str:
    """The path below which a dialect is served, without a slash at its end."""
    return PREFIXES + name


def label_of(name: str) -> str:
    """The name of a label that clients cannot set."""
    return RESERVED + name


def parse_ports(text: str) -> dict[str, int]:
    """The port of each dialect. Raises DialectPortError."""
    ports: dict[str, int] = {}
    for word in split_list(text):
        name, port = parse_port(word)
        if name in ports:
            raise DialectPortError(f"{name} is named twice")
        if port and port in ports.values():
            raise DialectPortError(f"port {port} is given twice")
        ports[name] = port
    return ports


def parse_port(word: str) -> tuple[str, int]:
    """The name and the port of `executions=8001`. Raises DialectPortError."""
    name, separator, number = (part.strip() for part in word.partition("="))
    if name not in DIALECTS:
        raise DialectPortError(f"{show(name)} is no dialect{hint_of(name, DIALECTS)}")
    if not separator or not number.isascii() or not number.isdecimal() or len(number) > len(str(PORT_MAX)):
        raise DialectPortError(f"{show(word)} names no port")
    if int(number) > PORT_MAX:
        raise DialectPortError(f"{number} is no port")
    return name, int(number)


def _wrong_ports(text: str) -> str | None:
    try:
        parse_ports(text)
    except DialectPortError as error:
        return str(error)
    return None


AnonymousUser = Annotated[
    str, Rule(f"a user id of at most {USER_BYTES_MAX} bytes", may_be_empty=True, bytes_max=USER_BYTES_MAX)
]
DialectNames = Annotated[str, some_of(DIALECTS)]
DialectPorts = Annotated[str, Rule(PORTS_ALLOWED, _wrong_ports, may_be_empty=True)]

"""The dialects of a local stack that have a port of their own, from `--dialect executions=8001`."""

from collections.abc import Iterable, Mapping

from headrace.local.ports import Ports
from headrace.local.stack import StackError
from shared.dialects.names import DialectPortError, parse_ports

OPTION = "--dialect"


def parse_options(words: Iterable[str]) -> dict[str, int]:
    """The port of each dialect; 0 is a free one. Raises StackError."""
    try:
        return parse_ports(",".join(words))
    except DialectPortError as error:
        raise StackError(f"{OPTION}: {error}; give it as executions=8001") from None


def hold_all(ports: Ports, wanted: Mapping[str, int], host: str) -> dict[str, int]:
    """Reserve the ports; a free one for each 0. Raises StackError."""
    return {name: ports.hold(port, OPTION, host=host) for name, port in wanted.items()}


def settings_of(held: Mapping[str, int], named: str) -> dict[str, str]:
    """The settings of the services: `named` are the dialects of the environment, which have no port."""
    if not held:
        return {}
    names = dict.fromkeys([*filter(None, (word.strip() for word in named.split(","))), *held])
    return {
        "HEADRACE_DIALECTS": ",".join(names),
        "HEADRACE_API_DIALECT_PORTS": ",".join(f"{name}={port}" for name, port in held.items()),
    }

"""Chooses the environment variables that a local stack passes on to the services that it starts.

All that a service reads, except what the stack sets itself: its addresses, its secrets, its server of the
log. Those are reported to the user, and so are names that no service reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.settings import PREFIX
from shared.settings.names import SECRET_FILES, SERVICES, unknown_in

OPTIONS = {
    "API_PORT": "--api-port",
    "NOTIFIER_PORT": "--notifier-port",
    "VIEW_PATH": "--data",
    "API_DIALECT_PORTS": "--dialect",
}
"""The option to use instead."""

OWN = SECRET_FILES | {
    PREFIX + name
    for name in (
        *OPTIONS,
        # The stack's server of the log is one process on loopback, with passwords and without a certificate.
        *(
            "NATS_URL",
            "NATS_USER",
            "NATS_PASSWORD",
            "NATS_TLS_CA",
            "NATS_TLS_CERT",
            "NATS_TLS_KEY",
            "REPLICAS",
        ),
        # The stack issues tokens itself.
        *("TOKEN_SECRET", "TOKEN_SECRET_PREVIOUS", "TOKEN_ISSUER", "TOKEN_AUDIENCE"),
        # The stack reads the services' health there, and distinguishes executors.
        *("HEALTH_HOST", "HEALTH_PORT", "EXECUTOR_ID", "INSTANCE", "EVENTS_URL", "API_EVENTS_UPSTREAM"),
    )
}
"""Settings of services that only the stack sets."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """Variables passed on, names that only the stack sets, and unknown names with the nearest known."""

    settings: Mapping[str, str]
    own: tuple[str, ...]
    unknown: tuple[tuple[str, str | None], ...]

    def lines(self) -> Iterator[str]:
        """Messages about variables that are not passed on."""
        if self.own:
            named = ", ".join(map(_with_option, self.own))
            yield f"not passed on, because a local stack makes it itself: {named}"
        for name, nearest in self.unknown:
            yield f"{name} is no setting{f': did you mean {nearest}?' if nearest else ''}"


def inherit(environ: Mapping[str, str]) -> Inherited:
    """Select what a stack takes from an environment."""
    return Inherited(
        settings={name: environ[name] for name in sorted(environ) if name in SERVICES - OWN},
        own=tuple(name for name in sorted(environ) if name in OWN),
        unknown=tuple(unknown_in(environ)),
    )


def _with_option(name: str) -> str:
    option = OPTIONS.get(name.removeprefix(PREFIX))
    return f"{name} (use {option})" if option else name

"""What goes wrong between a process and the broker.

Errors::

    BrokerError
    ├── UnreachableError   no answer in time; the request may still have had its effect
    │   ├── LeaderlessError    the stream, the consumer or the cluster has no leader
    │   └── ConnectionSettingError   a setting prevents the connection; also a SettingsError
    └── JetStreamError     JetStream refused; `code` is its error code
"""

import socket
from collections.abc import Mapping
from typing import Any

from shared.contract.subjects import EXECUTOR_DURABLE
from shared.settings import BrokerSettings, SettingsError, show

STREAM_NOT_FOUND = 10059
NO_LEADER = 10008
"""JetStream's error code while a stream, a consumer or the cluster has no leader."""
CONSUMER_NOT_FOUND = 10014
UNKNOWN_CLIENT = "authorization violation"
PROVISION = "the log is not provisioned: run python -m shared.provision"


class BrokerError(Exception):
    """A failure between this process and the broker."""


class UnreachableError(BrokerError):
    """No answer in time. The request may or may not have had its effect."""


class LeaderlessError(UnreachableError):
    """A stream, a consumer or the cluster has no leader at the moment."""


class ConnectionSettingError(UnreachableError, SettingsError):
    """A setting prevents the connection; the message names it."""


class JetStreamError(BrokerError):
    """JetStream answered with an error."""

    def __init__(self, code: int, description: str, advice: str = "") -> None:
        """Keep the error code of the JetStream API, for example 10071; `advice` is for people."""
        super().__init__(f"{description} ({code}){advice and '; '}{advice}")
        self.code = code


def connection_error(
    settings: BrokerSettings, cause: Exception | None, tries: int, waited_s: float
) -> UnreachableError:
    """The error for a failed first connection, from the result of the last try."""
    why = str(cause) if cause is not None else f"no answer in {waited_s:.0f} s"
    url = show(settings.nats_url)
    if UNKNOWN_CLIENT in why.lower():
        return ConnectionSettingError(
            f"HEADRACE_NATS_USER, HEADRACE_NATS_PASSWORD: the server at {url} refuses the user "
            f"{settings.nats_user!r} with this password: {why} ({tries} times)"
        )
    if isinstance(cause, socket.gaierror):
        return ConnectionSettingError(f"cannot connect to {url} (HEADRACE_NATS_URL): unknown host: {why}")
    return UnreachableError(f"cannot connect to {url} (HEADRACE_NATS_URL): {why}")


def jetstream_error(operation: str, error: Mapping[str, Any]) -> JetStreamError:
    """The error of an API call. If a provisioned stream or consumer is missing, it says how to provision."""
    code, text = int(error.get("err_code", 0)), f"{operation}: {error.get('description')}"
    is_missing = code == STREAM_NOT_FOUND or (
        code == CONSUMER_NOT_FOUND and operation.endswith(f".{EXECUTOR_DURABLE}")
    )
    return JetStreamError(code, text, PROVISION if is_missing else "")


def check_answer(operation: str, answer: Mapping[str, Any]) -> None:
    """Raises the error that an answer of the JetStream API holds, or LeaderlessError if it may be stale."""
    if "error" in answer:
        error = answer["error"]
        if error.get("err_code") == NO_LEADER:
            raise LeaderlessError(f"{operation}: {error.get('description')}")
        raise jetstream_error(operation, error)
    if ".INFO." in operation and "cluster" in answer and not answer["cluster"].get("leader"):
        raise LeaderlessError(f"{operation}: there is no leader")

"""What an operator may choose about the notifier, and why the defaults are what they are."""

from typing import Annotated, ClassVar

from msgspec import Meta

from shared.auth.provider_settings import check_provider
from shared.dialects.names import DialectNames
from shared.settings import (
    Bytes,
    Host,
    Origins,
    Pairs,
    Port,
    Positive,
    Seconds,
    TokenSettings,
    split_csv,
    split_list,
)

MIB = 1024 * 1024


class NotifierSettings(TokenSettings, frozen=True, kw_only=True):
    """Settings of one notifier process. Seconds and bytes, as the names say."""

    at_most: ClassVar[Pairs] = (
        ("notifier_user_connections_max", "notifier_claimed_connections_max"),
        ("notifier_queue_bytes_max", "notifier_user_queues_bytes_max"),
        ("notifier_user_queues_bytes_max", "notifier_queues_bytes_max"),
    )

    notifier_host: Host = "127.0.0.1"
    notifier_port: Port = 8071
    notifier_origins: Origins = ""
    """Origins of browsers that may connect, separated by commas, besides the host itself; ``*`` is any.
    The same may read `/v1/stream` from a page (CORS)."""

    dialects: DialectNames = ""
    """The dialects whose sockets are served, separated by commas; the api has the same setting."""

    notifier_init_s: Seconds = 5.0
    """How long a new connection may stay silent before it proves who it is."""

    notifier_ping_s: Seconds = 20.0
    """Below the idle limit of common proxies (60 s); a ping without a pong by the next one ends the
    connection. While a ping waits behind events that are being read, no answer is due."""

    notifier_connections_max: Positive = 10_000
    """Of this process: about 40 KiB each, and one file descriptor."""

    notifier_user_connections_max: Positive = 2_000
    """Of one user, who besides may hold half of what the others leave."""

    notifier_claimed_connections_max: Positive = 5_000
    """The highest number of them that a token may claim."""

    notifier_subscriptions_max: Positive = 100
    """Of one connection. A client with more jobs than this subscribes to ``*``."""

    notifier_commands_per_s: Annotated[float, Meta(gt=0, le=1_000_000)] = 50.0
    """What one connection may ask, in the long run; four seconds' worth may come at once."""

    notifier_queue_bytes_max: Bytes = 4 * MIB
    """What may wait for one slow client, and one message more. What does not fit comes from the log later."""

    notifier_user_queues_bytes_max: Bytes = 64 * MIB
    """The same for all clients of one user. A text that several of them are sent is counted once."""

    notifier_queues_bytes_max: Bytes = 512 * MIB
    """The same for all clients. One user may take half of what the others leave; 64 MiB more are for
    users who take nothing yet."""

    notifier_queue_age_s: Seconds = 30.0
    """How long a client may take nothing of what waits for it; one that reads slowly is not ended."""

    append_patience_s: Seconds = 5.0
    """How long a client that cancels a job, or gives it input, waits for the log until told to try again."""

    def check(self) -> None:
        """As in `Settings`, and the provider of tokens is described in full."""
        super().check()
        check_provider(self)

    @property
    def origins(self) -> frozenset[str]:
        """`notifier_origins`, one by one."""
        return split_csv(self.notifier_origins)

    @property
    def named_dialects(self) -> tuple[str, ...]:
        """The names in `dialects`, each once."""
        return tuple(dict.fromkeys(split_list(self.dialects)))

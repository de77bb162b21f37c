"""Settings that several services share, as frozen structs; units are in the names.

A service's own struct extends one of these. `load` calls `check` once all fields are set.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, ClassVar, Literal

import msgspec

from shared.settings.kinds import (
    KIB,
    MIB,
    PREFIX,
    Bytes,
    Host,
    Networks,
    OptionalText,
    Port,
    Positive,
    ReadableFile,
    Seconds,
    Secret,
    Servers,
    SettingsError,
    Text,
    TokenSecret,
    split_list,
)

HeadBytes = Annotated[int, msgspec.Meta(ge=1 * KIB, le=1 * MIB)]
"""Bounds of a head's size: the requests of Headrace's own client fit, and no header needs more."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

Headers = Annotated[int, msgspec.Meta(ge=16, le=10_000)]


Pairs = tuple[tuple[str, str], ...]
"""Pairs of field names."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every settings struct."""

    at_most: ClassVar[Pairs] = ()
    """Pairs of fields: the first must not be more than the second. Each class lists its own."""

    def check(self) -> None:
        """Check values against each other. Raises SettingsError, which names both settings."""
        for one in type(self).__mro__:
            for less, more in vars(one).get("at_most", ()):
                if getattr(self, less) > getattr(self, more):
                    raise SettingsError(
                        f"{PREFIX}{less.upper()} is {getattr(self, less)}, more than "
                        f"{PREFIX}{more.upper()}, which is {getattr(self, more)}"
                    )

    def refuse_alone(self, field: str, other: str) -> None:
        """Raises SettingsError if `field` is set without `other`."""
        if getattr(self, field) and not getattr(self, other):
            raise SettingsError(f"{PREFIX}{field.upper()} is set and {PREFIX}{other.upper()} is not")


class BrokerSettings(Settings, frozen=True, kw_only=True):
    """Settings of the connection to the log."""

    nats_url: Servers = "nats://127.0.0.1:4222"
    """Servers of a cluster, separated by commas; the connection uses any that answers."""

    nats_user: Text | None = None
    nats_password: Secret | None = None

    nats_tls_ca: ReadableFile = ""
    """A file with the trusted CA certificates; the system's by default. The connection is encrypted if this
    is set, or if an address begins with ``tls://``."""

    nats_tls_cert: ReadableFile = ""
    nats_tls_key: ReadableFile = ""
    """Files with this service's own certificate and its key, for a server that verifies its clients."""

    def check(self) -> None:
        """As in `Settings`."""
        super().check()
        self.refuse_alone("nats_password", "nats_user")
        self.refuse_alone("nats_user", "nats_password")
        self.refuse_alone("nats_tls_key", "nats_tls_cert")

    @property
    def nats_servers(self) -> list[str]:
        """Each server of `nats_url`."""
        return split_list(self.nats_url)


class HttpSettings(BrokerSettings, frozen=True, kw_only=True):
    """What an HTTP server takes from a client that has not shown a token (docs/bounds/connections.md)."""

    at_most: ClassVar[Pairs] = (
        ("http_line_bytes_max", "http_head_bytes_max"),
        ("http_header_bytes_max", "http_head_bytes_max"),
        ("http_address_bytes_max", "http_unknown_bytes_max"),
    )

    http_connections_max: Positive = 12_000
    """Connections of this process: more than the notifier's own bound, which has its own close code. A lower
    limit of open files lowers it."""

    http_address_connections_max: Positive = 2_500
    """Connections of one address (IPv6: one /64) without an accepted token; 2,000 simultaneous opens fit."""

    http_user_connections_max: Positive = 2_500
    """Connections of one user on which a token was accepted."""

    http_trusted_proxies: Networks = ""
    """Addresses and networks of proxies, separated by commas, whose `X-Forwarded-For` is trusted."""

    http_line_bytes_max: HeadBytes = 17 * KIB
    """Length of a request's URL: some clients must send 16 KiB in the query."""

    http_header_bytes_max: HeadBytes = 17 * KIB
    """Length of one field's value: tokens of 8 KiB and more are in use."""

    http_head_bytes_max: HeadBytes = 64 * KIB
    """Total length of the request line and all fields."""

    http_headers_max: Headers = 100

    http_address_bytes_max: Bytes = 16 * MIB
    """Bytes of unfinished requests of one address without an accepted token, beyond 16 KiB per connection."""

    http_unknown_bytes_max: Bytes = 64 * MIB
    """The same for all addresses together."""

    http_first_byte_s: Seconds = 10.0
    """How long a new connection may be silent. Browsers open some in advance."""

    http_head_s: Seconds = 10.0
    """From the first byte of a request to the end of its fields."""

    http_idle_s: Seconds = 5.0
    """How long a connection may be silent after a response. Connection pools keep theirs for longer, and open
    a new one."""

    http_body_s: Seconds = 60.0
    """How long a whole body may take."""

    http_progress_s: Seconds = 10.0
    """Time window over which a body or a response must reach `http_bytes_per_s` on average."""

    http_bytes_per_s: Positive = 1_024
    """Minimum rate of bodies and responses: that of the slowest mobile networks."""

    @property
    def trusted_proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`http_trusted_proxies`, one by one. Raises SettingsError."""
        try:
            return tuple(ip_network(word) for word in sorted(split_list(self.http_trusted_proxies)))
        except ValueError as error:
            raise SettingsError(f"{PREFIX}HTTP_TRUSTED_PROXIES: {error}") from None


class ServiceSettings(HttpSettings, frozen=True, kw_only=True):
    """Settings of every service."""

    instance: OptionalText = ""
    """Name of this process in the answer of `/readyz`, by which the program that started it recognizes it."""


class TokenSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings for checking tokens, of services with clients. There is no default secret.

    The `token_provider_` fields describe the one other issuer whose tokens are accepted, `token_keys_` how
    its public keys are kept (docs/tokens.md). Lists are separated by commas.
    """

    at_most: ClassVar[Pairs] = (("token_keys_lifetime_s", "token_keys_stale_s"),)

    token_secret: TokenSecret
    token_secret_previous: TokenSecret | None = None
    """Accepted besides, while tokens that it signed are in use (docs/tokens.md)."""

    token_issuer: Text = "headrace"
    token_audience: Text = "headrace"

    token_provider: Literal["local", "oidc", "firebase", "cognito"] = "local"
    """``local`` means no other issuer than Headrace itself."""

    token_provider_issuer: OptionalText = ""
    token_provider_audience: OptionalText = ""
    token_provider_type: OptionalText = ""
    token_provider_project: OptionalText = ""
    token_provider_pool: OptionalText = ""
    token_provider_clients: OptionalText = ""
    token_provider_use: Literal["access", "id"] = "access"
    token_provider_algorithms: OptionalText = ""
    token_provider_keys_url: OptionalText = ""

    token_provider_scopes: OptionalText = "jobs"
    """Scopes of every user of the provider, so that a provider without scopes needs no further setup."""

    token_provider_scope_claim: OptionalText = ""
    token_provider_scope_names: OptionalText = ""

    token_keys_lifetime_s: Seconds = 600.0
    """Time until a key that the provider has withdrawn is refused; long enough to cause little load there."""

    token_keys_stale_s: Seconds = 86_400.0
    """How long keys are used while the provider is down: a night should not stop its users, but withdrawn
    keys must end."""

    token_keys_timeout_s: Seconds = 5.0

    access_log_share: Share = 1.0
    """Share of requests that are logged, one line each; requests that failed by a server error always are."""


class ListenSettings(ServiceSettings, frozen=True, kw_only=True):
    """Where a service without clients serves /livez, /readyz and /metrics. Port 0 picks a free one."""

    health_host: Host = "127.0.0.1"
    health_port: Port
    """Each service has a default of its own, beside the ports of the api (8070) and the notifier (8071)."""

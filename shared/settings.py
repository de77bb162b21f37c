"""Settings come from the environment, once, in a service's `__main__`; units are in the names.

`load` reads ``HEADRACE_<FIELD>`` for each field of a frozen struct and names the variable that is wrong.
A secret may stand in a file that ``HEADRACE_<FIELD>_FILE`` names: an environment is inherited, and others can
read it. A secret is never part of an error message.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

import msgspec

KIB = 1024
MIB = 1024 * KIB
PREFIX = "HEADRACE_"
FILE = "_FILE"

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""A value that a file may hold instead of the environment."""


class SettingsError(Exception):
    """A setting is missing or has a value that it cannot have; the message names the variable."""


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How every service reaches the log."""

    nats_url: str = "nats://127.0.0.1:4222"
    """Of a cluster, several servers separated by commas: whichever answers is used."""

    nats_user: str | None = None
    nats_password: Secret | None = None

    nats_tls_ca: str = ""
    """A file with the certificates that are believed; without one those of the system are. Setting it, or an
    address that begins with ``tls://``, is what makes the connection encrypted."""

    nats_tls_cert: str = ""
    nats_tls_key: str = ""
    """Files with this service's own certificate and its key, for a server that verifies its clients."""

    @property
    def nats_servers(self) -> list[str]:
        """Each server of `nats_url`."""
        return [url for each in self.nats_url.split(",") if (url := each.strip())]


class HttpSettings(BrokerSettings, frozen=True, kw_only=True):
    """What an HTTP server takes from a client that has not shown a token (docs/bounds/connections.md)."""

    http_connections_max: Positive = 12_000
    """Of this process: more than the notifier's own bound, which is told by a close code. Fewer where fewer
    files may be open."""

    http_address_connections_max: Positive = 2_500
    """Of one address (IPv6: one /64) without an accepted token. A user who opens 2,000 at once fits."""

    http_user_connections_max: Positive = 2_500
    """Of one user, once a token was accepted on the connection."""

    http_trusted_proxies: str = ""
    """Addresses and networks of proxies, separated by commas, whose `X-Forwarded-For` is believed."""

    http_line_bytes_max: Positive = 17 * KIB
    """Of a request's URL: some clients have no other place for 16 KiB of query."""

    http_header_bytes_max: Positive = 17 * KIB
    """Of one field's value: tokens of 8 KiB and more are in use."""

    http_head_bytes_max: Positive = 64 * KIB
    """Of the request line and all fields together."""

    http_headers_max: Positive = 100

    http_address_bytes_max: Positive = 16 * MIB
    """Of unfinished requests of one address without an accepted token, beyond 16 KiB of each connection."""

    http_unknown_bytes_max: Positive = 64 * MIB
    """The same of all addresses."""

    http_first_byte_s: Seconds = 10.0
    """How long a new connection may be silent. Browsers open some in advance."""

    http_head_s: Seconds = 10.0
    """From the first byte of a request to the end of its fields."""

    http_idle_s: Seconds = 5.0
    """How long a connection may be silent after an answer. Clients of pools keep theirs for longer, and open
    another."""

    http_body_s: Seconds = 60.0
    """How long a whole body may take."""

    http_progress_s: Seconds = 10.0
    """A body that comes and an answer that leaves must reach `http_bytes_per_s` over each such time."""

    http_bytes_per_s: Positive = 1_024
    """What the slowest mobile networks carry."""

    @property
    def trusted_proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`http_trusted_proxies`, one by one. Raises SettingsError."""
        try:
            return tuple(ip_network(word) for word in sorted(words(self.http_trusted_proxies)))
        except ValueError as error:
            raise SettingsError(f"{PREFIX}HTTP_TRUSTED_PROXIES: {error}") from None


class TokenSettings(HttpSettings, frozen=True, kw_only=True):
    """How a service that faces clients checks their tokens. There is no default secret.

    The `token_provider_` fields describe the one other issuer whose tokens are accepted, `token_keys_` how
    its public keys are kept (docs/tokens.md). Lists are separated by commas.
    """

    token_secret: Secret
    token_issuer: str = "headrace"
    token_audience: str = "headrace"

    token_provider: Literal["local", "oidc", "firebase", "cognito"] = "local"
    """``local`` is no other issuer than ourselves."""

    token_provider_issuer: str = ""
    token_provider_audience: str = ""
    token_provider_type: str = ""
    token_provider_project: str = ""
    token_provider_pool: str = ""
    token_provider_clients: str = ""
    token_provider_use: Literal["access", "id"] = "access"
    token_provider_algorithms: str = ""
    token_provider_keys_url: str = ""

    token_provider_scopes: str = "jobs"
    """What every user of the provider may do, so that a provider without scopes needs no further setup."""

    token_provider_scope_claim: str = ""
    token_provider_scope_names: str = ""

    token_keys_lifetime_s: Seconds = 600.0
    """How soon a key that the provider has withdrawn is refused. It asks little of the provider."""

    token_keys_stale_s: Seconds = 86_400.0
    """A provider that is down for a night should not stop its users; withdrawn keys must end some day."""

    token_keys_timeout_s: Seconds = 5.0


class ListenSettings(HttpSettings, frozen=True, kw_only=True):
    """Where a service without clients serves /livez, /readyz and /metrics. Port 0 takes a free one."""

    health_host: str = "127.0.0.1"
    health_port: Port = 0


SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


def words(text: str) -> frozenset[str]:
    """A setting that lists words separated by commas, one by one."""
    return frozenset(word for each in text.split(",") if (word := each.strip()))


def load(kind: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """The settings struct filled from the environment. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    given: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        variable = PREFIX + field.name.upper()
        text = _secret(variable, environ) if is_secret(field) else environ.get(variable)
        if text is not None:
            given[field.name] = _convert(variable, text, field.type)
        elif field.required:
            raise SettingsError(f"{variable} is not set and has no default")
    return kind(**given)


def is_secret(field: msgspec.structs.FieldInfo) -> bool:
    """Whether a file may hold its value."""
    return Secret in {field.type, *get_args(field.type)}


def _secret(variable: str, environ: Mapping[str, str]) -> str | None:
    """From the environment, or from the file that it names; the line's end is no part of a secret."""
    file = variable + FILE
    if file not in environ:
        return environ.get(variable)
    if variable in environ:
        raise SettingsError(f"{variable} and {file} are both set: which one is it?")
    try:
        text = Path(environ[file]).read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # Its message would show bytes of the file.
        raise SettingsError(f"{file}: {environ[file]} is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {environ[file]} cannot be read: {error}") from error
    if not text:
        raise SettingsError(f"{file}: {environ[file]} is empty")
    return text


def _convert(variable: str, text: str, kind: object) -> object:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        # msgspec's message names types, never the value, so a secret cannot leak through it.
        raise SettingsError(f"{variable}: {error}") from error

"""An issuer of tokens on loopback: a real HTTP server that counts what it is asked and answers as told."""

import asyncio
import functools
import hashlib
import hmac
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import get_default_algorithms
from jwt.utils import base64url_encode

from shared.auth import Tokens
from shared.settings import TokenSettings

SECRET = "a secret of the tests, long enough for HS256"
AUDIENCE = "headrace-tests"
NOW = 1_900_000_000
KEYS = "/keys"
DISCOVERY = "/.well-known/openid-configuration"
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}

Json = dict[str, Any]


@functools.cache
def private_key(name: str, algorithm: str, bits: int = 2_048) -> PrivateKeyTypes:
    """A key of that name; the same for the whole session, because they are slow to make."""
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    return rsa.generate_private_key(65_537, bits)


@dataclass(frozen=True)
class SigningKey:
    """What signs tokens, and what is published of it."""

    kid: str
    algorithm: str = "RS256"
    bits: int = 2_048

    @property
    def private(self) -> Any:  # noqa: ANN401 - of any algorithm
        return private_key(self.kid, self.algorithm, self.bits)

    def jwk(self, **changes: object) -> Json:
        """The public half as a provider publishes it; a change to None leaves a member out."""
        made = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        entry = {**made, "kid": self.kid, "alg": self.algorithm, "use": "sig", **changes}
        entry.pop("key_ops", None)
        return {name: value for name, value in entry.items() if value is not None}

    def sign(self, claims: Json, headers: Json | None = None) -> str:
        """A token that is signed rightly, whatever it says; a header of None is left out."""
        header = {"alg": self.algorithm, "kid": self.kid, **(headers or {})}
        unsigned = unsigned_token({k: v for k, v in header.items() if v is not None}, claims)
        return signed(unsigned, get_default_algorithms()[self.algorithm].sign(unsigned, self.private))


def forge(header: Json, claims: Json, secret: bytes) -> str:
    """A token with any header, signed with HMAC, which the library would refuse to make."""
    unsigned = unsigned_token(header, claims)
    return signed(unsigned, hmac.digest(secret, unsigned, hashlib.sha256))


def unsigned_token(header: Json, claims: Json) -> bytes:
    return b".".join(base64url_encode(json.dumps(part).encode()) for part in (header, claims))


def signed(unsigned: bytes, signature: bytes) -> str:
    return b".".join((unsigned, base64url_encode(signature))).decode()


def http(body: object, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole HTTP answer; what is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\n{headers}\r\n".encode() + raw


class Issuer:
    """Serves a discovery document and a key set at `url`; `asked` counts requests per path."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.heads: list[bytes] = []
        self.keys: list[Json] = [SigningKey("one").jwk()]
        self.asked: Counter[str] = Counter()
        self.keys_answer: bytes | None = None
        self.discovery: Json = {}
        self.released = asyncio.Event()
        self.released.set()
        self.was_asked = asyncio.Event()
        self._port = 0
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def settings(self, **changes: Any) -> TokenSettings:  # noqa: ANN401 - settings
        """Accept this issuer's tokens."""
        fields: Json = {
            "token_secret": SECRET,
            "token_provider": "oidc",
            "token_provider_issuer": self.url,
            "token_provider_audience": AUDIENCE,
            "token_provider_algorithms": "RS256,ES256,ES384",
        }
        return TokenSettings(**{**fields, **changes})

    def claims(self, now: float = NOW, **changes: object) -> Json:
        """Those of a valid token of alice; a change to None leaves a claim out."""
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: SigningKey | None = None, headers: Json | None = None, **changes: Any) -> str:  # noqa: ANN401 - claims
        """A token of this issuer, valid unless changed."""
        return (key or SigningKey("one")).sign(self.claims(**changes), headers)

    async def start(self) -> None:
        """Listen, again on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def until_asked(self, path: str) -> None:
        """Wait until somebody asks there."""
        while not self.asked[path]:
            self.was_asked.clear()
            await self.was_asked.wait()

    async def stop(self) -> None:
        """Be gone: connections are refused."""
        assert self._server is not None
        self._server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(request)
            writer.write(await self._answer(request.split()[1].decode()))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._answering.discard(task)
            writer.close()

    async def _answer(self, path: str) -> bytes:
        self.asked[path] += 1
        if path == DISCOVERY:
            return http({"issuer": self.url, "jwks_uri": self.url + KEYS, **self.discovery})
        self.was_asked.set()
        await self.released.wait()
        return self.keys_answer or http({"keys": self.keys})


@asynccontextmanager
async def running_issuer(tls: ssl.SSLContext | None = None) -> AsyncIterator[Issuer]:
    """An issuer that listens."""
    issuer = Issuer(tls)
    await issuer.start()
    try:
        yield issuer
    finally:
        await issuer.stop()


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


class Checking:
    """Tokens with clocks that stand still: `now` for times in tokens, `clock` for the age of keys."""

    def __init__(self, settings: TokenSettings) -> None:
        self.now = Clock(NOW)
        self.clock = Clock(50_000.0)
        self.tokens = Tokens(settings, now=self.now, clock=self.clock)


async def accepts(tokens: Tokens, token: str) -> bool:
    """Whether it is alice's; a refusal is raised."""
    return (await tokens.check(token)).user_id == "alice"

"""Which entries of a key set may check tokens; and over https, whose."""

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from shared.auth.jwks import ALGORITHMS, KeyName, KeySetError, usable_keys
from shared.auth.jwks_client import FetchError, KeySource
from tests.issuer import SigningKey, http

KEY, CURVE = SigningKey("one"), SigningKey("curve", "ES384")


def names(*entries: object, algorithms: tuple[str, ...] = ("RS256", "ES256", "ES384")) -> set[KeyName]:
    """What is usable beside a key that certainly is."""
    found = set(usable_keys({"keys": [SigningKey("sure").jwk(), *entries]}, algorithms))
    return found - {("sure", "RS256")}


def test_a_key_serves_its_own_algorithm_or_those_of_its_type() -> None:
    assert names(KEY.jwk()) == {("one", "RS256")}
    every = tuple(ALGORITHMS)
    assert names(KEY.jwk(alg=None), algorithms=every) == {
        ("one", name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    }
    assert names(CURVE.jwk(alg=None), algorithms=every) == {("curve", "ES384")}
    assert names(KEY.jwk(alg="PS256"), algorithms=("RS256",)) == set()


PASSED_OVER: dict[str, dict[str, object]] = {
    "for encryption": KEY.jwk(use="enc"),
    "for wrapping": KEY.jwk(use=None) | {"key_ops": ["wrapKey"]},
    "without an id": KEY.jwk(kid=None),
    "an empty id": KEY.jwk(kid=""),
    "a number for an id": KEY.jwk(kid=1),
    "a list of algorithms": KEY.jwk(alg=["RS256"]),
    "a shared secret": {"kty": "oct", "kid": "one", "k": "c2VjcmV0" * 8, "alg": "RS256"},
    "a shared secret of its kind": {"kty": "oct", "kid": "one", "k": "c2VjcmV0" * 8, "alg": "HS256"},
    "a private key": {**KEY.jwk(), **RSAAlgorithm.to_jwk(KEY.private, as_dict=True), "key_ops": ["verify"]},
    "a spoiled private key": {**KEY.jwk(), "d": "AQAB"},
    "a short key": SigningKey("short", bits=1_024).jwk(),
    "a very long modulus": KEY.jwk(n="AQ" * 2_000),
    "no modulus": KEY.jwk(n=None),
    "a number for a modulus": KEY.jwk(n=5),
    "another curve": CURVE.jwk(alg="ES256"),
    "another curve by name": CURVE.jwk(alg="ES256", crv="P-256"),
    "no curve": CURVE.jwk(crv=None),
    "a point that is nowhere": CURVE.jwk(x="A" * 64),
    "an unknown type": KEY.jwk(kty="RSA2"),
}


@pytest.mark.parametrize("entry", PASSED_OVER.values(), ids=PASSED_OVER.keys())
def test_what_is_no_public_signing_key_is_passed_over(entry: dict[str, object]) -> None:
    assert names(entry) == set()


def test_no_more_than_a_few_keys_share_a_name() -> None:
    keys = [SigningKey(f"twin {number}").jwk(kid="one") for number in range(6)]
    assert len(usable_keys({"keys": keys}, ("RS256",))["one", "RS256"]) == 4


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from([*KEY.jwk(), *CURVE.jwk(), "d", "key_ops", "x5c"])
spoiled = st.builds(
    lambda entry, changes: {**entry, **changes},
    st.sampled_from([KEY.jwk(), CURVE.jwk()]),
    st.dictionaries(members, json_values, max_size=3),
)


@given(st.lists(spoiled | json_values, max_size=4) | json_values)
def test_no_key_set_breaks_more_than_itself(entries: Any) -> None:  # noqa: ANN401 - JSON
    for document in ({"keys": entries}, entries):
        try:
            assert usable_keys(document, ("RS256", "ES256", "ES384"))
        except KeySetError as error:
            assert str(error)  # noqa: PT017 - either is right


def certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the self-signed certificate that its clients may trust."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.private.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(KEY.private, SHA256())
    )
    public, private = directory / "public.pem", directory / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        KEY.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


async def test_https_is_for_whom_the_certificate_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)

    discovery = {"issuer": "https://issuer.example", "jwks_uri": "http://127.0.0.1/keys"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(discovery))
        await writer.drain()
        writer.close()

    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        with pytest.raises(FetchError, match="ClientConnectorCertificateError"):
            await KeySource(url, discovers_for=None, timeout_s=10).read()
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert await KeySource(url, discovers_for=None, timeout_s=10).read() == discovery
        with pytest.raises(FetchError, match="from https to http"):
            await KeySource(url, discovers_for="https://issuer.example", timeout_s=10).read()

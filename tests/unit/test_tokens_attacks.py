"""Another issuer's tokens: one that is right, and every way that we know of to make one that is not.

Each attack names the refusal that it must meet, so that none is refused for a reason of its own making.
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from shared.auth import TokenError
from shared.auth.jwt_format import TOKEN_BYTES_MAX
from tests.issuer import (
    AUDIENCE,
    DISCOVERY,
    KEYS,
    NOW,
    SECRET,
    Checking,
    Issuer,
    SigningKey,
    accepts,
    forge,
    running_issuer,
    signed,
    unsigned_token,
)

RSA, EC, P384 = SigningKey("one"), SigningKey("two", "ES256"), SigningKey("curve", "ES384")
MALLORY = SigningKey("mallory")

SIGNATURE = "signature is wrong"
ALGORITHM = "algorithm is not accepted"
NAMELESS = "names no key"
UNKNOWN = "issuer has no such key"
OTHERS = "for or by someone else"
UNREADABLE = "cannot be read"
MISSING = "required claim is missing"
EXTENSION = "uses an extension"
SUBJECT = "cannot be a user id"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Publishes a key for RS256, one for ES256, a P-384 key, and one that is for encryption."""
    async with running_issuer() as running:
        encryption = SigningKey("enc").jwk(use="enc")
        running.keys = [RSA.jwk(), EC.jwk(), P384.jwk(alg=None), encryption]
        yield running


def in_our_name(issuer: Issuer, secret: bytes) -> str:
    return forge({"alg": "HS256", "kid": "one"}, issuer.claims(), secret)


def public_bytes(encoding: Encoding) -> bytes:
    made: bytes = RSA.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return made


def wrong_curve(issuer: Issuer) -> str:
    unsigned = unsigned_token({"alg": "ES256", "kid": "curve"}, issuer.claims())
    return signed(unsigned, ECAlgorithm(ECAlgorithm.SHA256).sign(unsigned, P384.private))


def unsigned(issuer: Issuer, algorithm: str) -> str:
    return signed(unsigned_token({"alg": algorithm, "kid": "one"}, issuer.claims()), b"")


def with_header(name: str, value: object) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.token(headers={name: value})


def with_claim(name: str, value: object) -> Callable[[Issuer], str]:
    changes: dict[str, Any] = {name: value}
    return lambda issuer: issuer.token(**changes)


ATTACKS: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "unsigned": (lambda i: unsigned(i, "none"), ALGORITHM),
    "unsigned, oddly written": (lambda i: unsigned(i, "nOnE"), ALGORITHM),
    "no algorithm": (with_header("alg", None), UNREADABLE),
    "a list of algorithms": (with_header("alg", ["RS256"]), UNREADABLE),
    "public key as secret, PEM": (lambda i: in_our_name(i, public_bytes(Encoding.PEM)), ALGORITHM),
    "public key as secret, DER": (lambda i: in_our_name(i, public_bytes(Encoding.DER)), ALGORITHM),
    "public key as secret, JWK": (lambda i: in_our_name(i, json.dumps(RSA.jwk()).encode()), ALGORITHM),
    "our own secret": (lambda i: in_our_name(i, SECRET.encode()), ALGORITHM),
    "our own name, their key": (lambda i: i.token(iss="headrace", aud="headrace"), ALGORITHM),
    "another key under this id": (lambda i: i.token(MALLORY, headers={"kid": "one"}), SIGNATURE),
    "an unknown key": (lambda i: i.token(MALLORY), UNKNOWN),
    "an empty id of a key": (with_header("kid", ""), NAMELESS),
    "a number for an id": (with_header("kid", 1), UNREADABLE),
    "no id of a key": (with_header("kid", None), NAMELESS),
    "an encryption key": (lambda i: i.token(SigningKey("enc")), UNKNOWN),
    "an algorithm not configured": (lambda i: i.token(SigningKey("one", "RS512")), ALGORITHM),
    "an RSA key for ES256": (with_header("alg", "ES256"), UNKNOWN),
    "the wrong curve": (wrong_curve, UNKNOWN),
    "half a signature": (lambda i: i.token()[:-170], SIGNATURE),
    "no signature": (lambda i: i.token().rpartition(".")[0] + ".", SIGNATURE),
    "four parts": (lambda i: i.token() + ".e30", UNREADABLE),
    "an extension": (lambda i: i.token(headers={"crit": ["exp"], "exp": NOW}), EXTENSION),
    "an extension that the library knows": (
        lambda i: i.token(headers={"crit": ["b64"], "b64": True}),
        EXTENSION,
    ),
    "a detached payload": (with_header("b64", False), EXTENSION),
    "jku of another": (lambda i: i.token(MALLORY, headers={"jku": f"{i.url}/evil"}), UNKNOWN),
    "x5u of another": (lambda i: i.token(MALLORY, headers={"x5u": f"{i.url}/evil"}), UNKNOWN),
    "jwk of another": (lambda i: i.token(MALLORY, headers={"jwk": MALLORY.jwk()}), UNKNOWN),
    "another's audience": (with_claim("aud", "elsewhere"), OTHERS),
    "other audiences": (with_claim("aud", ["elsewhere", "headrace-test"]), OTHERS),
    "an object for an audience": (with_claim("aud", {"headrace-tests": 1}), OTHERS),
    "no audience": (with_claim("aud", None), MISSING),
    "another issuer": (with_claim("iss", "https://elsewhere.example"), OTHERS),
    "an issuer that begins like it": (lambda i: i.token(iss=f"{i.url}.evil.example"), OTHERS),
    "an issuer that ends like it": (lambda i: i.token(iss=f"https://evil.example/{i.url}"), OTHERS),
    "an issuer with a slash more": (lambda i: i.token(iss=f"{i.url}/"), OTHERS),
    "an issuer in capitals": (lambda i: i.token(iss=i.url.upper()), OTHERS),
    "a list of issuers": (lambda i: i.token(iss=[i.url]), OTHERS),
    "no issuer": (with_claim("iss", None), OTHERS),
    "expired": (with_claim("exp", NOW - 10), "expired"),
    "no expiry": (with_claim("exp", None), MISSING),
    "not yet": (with_claim("nbf", NOW + 11), "not valid yet"),
    "issued tomorrow": (with_claim("iat", NOW + 86_400), "not valid yet"),
    "nobody": (with_claim("sub", None), MISSING),
    "a number for a user": (with_claim("sub", 7), UNREADABLE),
    "an empty user": (with_claim("sub", ""), SUBJECT),
    "a long user": (with_claim("sub", "a" * 129), SUBJECT),
    "a user with half a character": (with_claim("sub", "\udfff"), UNREADABLE),
    "an operator": (with_claim("sub", "local:alice"), SUBJECT),
    "too large": (with_claim("more", "x" * 8_192), "at most 8192"),
    "a quota in a text": (with_claim("unfinished_max", "9"), "unfinished_max"),
    "not ASCII": (lambda i: i.token() + "é", UNREADABLE),
    "half a character": (lambda i: "\ud800" + i.token(), UNREADABLE),
}


@pytest.mark.parametrize(("attack", "refusal"), ATTACKS.values(), ids=ATTACKS.keys())
async def test_an_attack_is_refused_and_its_token_not_shown(
    issuer: Issuer, attack: Callable[[Issuer], str], refusal: str
) -> None:
    tokens = Checking(issuer.settings()).tokens
    made = attack(issuer)
    with pytest.raises(TokenError, match=refusal) as caught:
        await tokens.check(made)
    assert not any(part in str(caught.value) for part in made.split(".") if len(part) > 4)
    # The attack met a checker that knows the right keys, and led it nowhere else.
    assert (await tokens.check(issuer.token())).user_id == "alice"
    assert set(issuer.asked) == {DISCOVERY, KEYS}


@pytest.mark.parametrize("key", [RSA, EC, P384], ids=lambda key: key.algorithm)
async def test_what_is_right_is_accepted(issuer: Issuer, key: SigningKey) -> None:
    tokens = Checking(issuer.settings()).tokens
    made = issuer.token(key, aud=["another", AUDIENCE], concurrency=4, exp=NOW - 9, nbf=NOW + 10)
    caller = await tokens.check(made)
    assert (caller.user_id, caller.concurrency, caller.scopes) == ("alice", 4, frozenset({"jobs"}))
    assert tokens.verify(made) == caller


@pytest.mark.parametrize("user", ["alice\0", "alice\0admin", " alice", "Alice", "al\u0131ce", "a\u0301"])
async def test_an_odd_user_is_nobody_but_themselves(issuer: Issuer, user: str) -> None:
    caller = await Checking(issuer.settings()).tokens.check(issuer.token(sub=user))
    assert caller.user_id == user


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
async def test_a_header_that_names_another_key_is_ignored(issuer: Issuer, name: str) -> None:
    tokens = Checking(issuer.settings()).tokens
    assert await accepts(tokens, issuer.token(headers={name: f"{issuer.url}/evil"}))
    assert set(issuer.asked) == {DISCOVERY, KEYS}


@pytest.mark.parametrize("depth", [100, 900, 2_600])
async def test_deep_nesting_is_read_or_refused(issuer: Issuer, depth: int) -> None:
    tokens = Checking(issuer.settings()).tokens
    for part in ("header", "claims"):
        deep = {"x": "DEEP"}
        header = {"alg": "RS256", "kid": "one", **(deep if part == "header" else {})}
        claims = {**issuer.claims(), **(deep if part == "claims" else {})}
        raw = [
            json.dumps(each).replace('"DEEP"', "[" * depth + "]" * depth).encode()
            for each in (header, claims)
        ]
        unsigned = b".".join(base64url_encode(each) for each in raw)
        made = signed(unsigned, RSAAlgorithm(RSAAlgorithm.SHA256).sign(unsigned, RSA.private))
        assert len(made) <= TOKEN_BYTES_MAX
        try:
            assert (await tokens.check(made)).user_id == "alice"
        except TokenError as error:
            assert depth > 100, error  # noqa: PT017 - how deep is too deep is the interpreter's affair


async def test_keys_that_share_an_id_are_all_tried(issuer: Issuer) -> None:
    issuer.keys = [MALLORY.jwk(kid="one"), RSA.jwk(), EC.jwk(kid="one")]
    tokens = Checking(issuer.settings()).tokens
    assert await accepts(tokens, issuer.token())
    assert await accepts(tokens, issuer.token(EC, headers={"kid": "one"}))
    with pytest.raises(TokenError, match=SIGNATURE):
        await tokens.check(issuer.token(SigningKey("eve"), headers={"kid": "one"}))


async def test_the_type_of_a_token_can_be_demanded(issuer: Issuer) -> None:
    tokens = Checking(issuer.settings(token_provider_type="at+jwt")).tokens
    assert await accepts(tokens, issuer.token(headers={"typ": "application/at+JWT"}))
    for kind in ("JWT", "", None, 7):
        with pytest.raises(TokenError):
            await tokens.check(issuer.token(headers={"typ": kind}))


async def test_nobody_can_take_anothers_id_by_a_token_of_our_own(issuer: Issuer) -> None:
    tokens = Checking(issuer.settings()).tokens
    ours = {"iss": "headrace", "aud": "headrace", "exp": NOW + 60}

    def own(user: str) -> str:
        return forge({"alg": "HS256"}, {**ours, "sub": user}, SECRET.encode())

    assert (await tokens.check(own("alice"))).user_id == "local:alice"
    assert (await tokens.check(own("local:alice"))).user_id == "local:local:alice"
    assert (await tokens.check(issuer.token())).user_id == "alice"
    for nobody in ("", "a" * 123):
        with pytest.raises(TokenError, match=SUBJECT):
            await tokens.check(own(nobody))

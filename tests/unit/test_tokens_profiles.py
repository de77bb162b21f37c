"""Firebase and Cognito with their own claims, what a provider's users may do, and settings that are wrong."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.auth import SCOPE_AUDIT, SCOPE_JOBS, SCOPE_OPS, TokenError, Tokens
from shared.auth.provider_profiles import FIREBASE_KEYS, profile_of
from shared.settings import SettingsError, TokenSettings
from tests.issuer import KEYS, NOW, SECRET, Checking, Issuer, Json, SigningKey, accepts, running_issuer

POOL = "eu-west-1_AbC123"
COGNITO = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"
FIREBASE = "https://securetoken.google.com/my-project"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        running.keys = [SigningKey("one").jwk(), SigningKey("two", "ES256").jwk()]
        yield running


def of_firebase(issuer: Issuer, **changes: Any) -> Checking:  # noqa: ANN401 - settings
    return Checking(
        TokenSettings(
            token_secret=SECRET,
            token_provider="firebase",
            token_provider_project="my-project",
            token_provider_keys_url=issuer.url + KEYS,
            **changes,
        )
    )


def firebase(issuer: Issuer, key: SigningKey | None = None, **changes: object) -> str:
    claims: Json = {"iss": FIREBASE, "aud": "my-project", "auth_time": NOW - 60, "sub": "alice"}
    return issuer.token(key, **{**claims, **changes})


def of_cognito(issuer: Issuer, **changes: Any) -> Checking:  # noqa: ANN401 - settings
    return Checking(
        TokenSettings(
            token_secret=SECRET,
            token_provider="cognito",
            token_provider_pool=POOL,
            token_provider_clients="web, mobile",
            token_provider_keys_url=issuer.url + KEYS,
            **changes,
        )
    )


def access(issuer: Issuer, **changes: object) -> str:
    claims: Json = {"iss": COGNITO, "aud": None, "client_id": "web", "token_use": "access", "scope": "openid"}
    return issuer.token(**{**claims, **changes})


async def test_a_firebase_user_needs_no_further_claims(issuer: Issuer) -> None:
    tokens = of_firebase(issuer).tokens
    for user in ("uid", "a" * 128, "ü" * 64):
        caller = await tokens.check(firebase(issuer, sub=user))
        assert (caller.user_id, caller.scopes) == (user, frozenset({SCOPE_JOBS}))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://securetoken.google.com/my-project-2"},
        {"iss": "https://session.firebase.google.com/my-project"},
        {"aud": "my-project-2"},
        {"auth_time": None},
        {"auth_time": NOW + 11},
        {"auth_time": "yesterday"},
        {"iat": None},
        {"iat": NOW + 11},
        {"exp": NOW - 10},
        {"sub": ""},
        {"sub": "a" * 129},
    ],
    ids=str,
)
async def test_a_firebase_token_that_is_not_right(issuer: Issuer, changes: dict[str, Any]) -> None:
    tokens = of_firebase(issuer).tokens
    assert await accepts(tokens, firebase(issuer))
    with pytest.raises(TokenError):
        await tokens.check(firebase(issuer, **changes))


async def test_firebase_signs_with_one_algorithm(issuer: Issuer) -> None:
    with pytest.raises(TokenError):
        await of_firebase(issuer).tokens.check(firebase(issuer, SigningKey("two", "ES256")))
    with pytest.raises(SettingsError, match="HEADRACE_TOKEN_PROVIDER_ALGORITHMS"):
        of_firebase(issuer, token_provider_algorithms="ES256")


async def test_a_cognito_access_token_names_its_client(issuer: Issuer) -> None:
    tokens = of_cognito(issuer).tokens
    for client in ("web", "mobile"):
        assert (await tokens.check(access(issuer, client_id=client))).user_id == "alice"


ID_TOKEN: Json = {"token_use": "id", "aud": "web", "client_id": None}


@pytest.mark.parametrize(
    "changes",
    [
        ID_TOKEN,
        {"token_use": None},
        {"token_use": ["access"]},
        {"client_id": "another"},
        {"client_id": None},
        {"client_id": ["web"]},
        {"client_id": "we"},
        {"aud": "another"},
        {"iss": COGNITO.replace("eu-west-1.", "eu-west-2.")},
        {"iss": COGNITO + "4"},
    ],
    ids=str,
)
async def test_a_cognito_token_that_is_not_right(issuer: Issuer, changes: dict[str, Any]) -> None:
    tokens = of_cognito(issuer).tokens
    assert await accepts(tokens, access(issuer))
    with pytest.raises(TokenError):
        await tokens.check(access(issuer, **changes))


async def test_cognito_id_tokens_are_accepted_where_that_is_configured(issuer: Issuer) -> None:
    tokens = of_cognito(issuer, token_provider_use="id").tokens
    assert await accepts(tokens, access(issuer, **ID_TOKEN))
    for changes in ({**ID_TOKEN, "aud": "another"}, {**ID_TOKEN, "aud": None}, {}):
        with pytest.raises(TokenError):
            await tokens.check(access(issuer, **changes))


SCOPES: dict[str, tuple[dict[str, str], dict[str, Any], set[str] | None]] = {
    "without a claim everybody has jobs": ({}, {"scope": "ops"}, {SCOPE_JOBS}),
    "nobody has anything": ({"scopes": ""}, {"scope": "jobs"}, set()),
    "a text": ({"scope_claim": "scope"}, {"scope": "openid ops"}, {SCOPE_JOBS, SCOPE_OPS}),
    "a list": (
        {"scope_claim": "cognito:groups"},
        {"cognito:groups": ["ops", "audit:all", "x"]},
        {SCOPE_JOBS, SCOPE_OPS, SCOPE_AUDIT},
    ),
    "the claim is not there": ({"scope_claim": "roles"}, {}, {SCOPE_JOBS}),
    "only the claim counts": ({"scopes": "", "scope_claim": "roles"}, {"roles": "jobs"}, {SCOPE_JOBS}),
    "other names": (
        {"scopes": "", "scope_claim": "scp", "scope_names": "https://h/run=jobs, admin=ops"},
        {"scp": "https://h/run admin audit:all"},
        {SCOPE_JOBS, SCOPE_OPS},
    ),
    "only the names that are given": (
        {"scope_claim": "scp", "scope_names": "admin=ops"},
        {"scp": "ops audit:all"},
        {SCOPE_JOBS},
    ),
    "neither text nor list": ({"scope_claim": "scp"}, {"scp": {"ops": True}}, None),
    "a list of others": ({"scope_claim": "scp"}, {"scp": ["ops", 1]}, None),
}


@pytest.mark.parametrize(("settings", "claims", "scopes"), SCOPES.values(), ids=SCOPES.keys())
async def test_scopes_come_from_the_settings_and_one_claim(
    issuer: Issuer, settings: dict[str, str], claims: dict[str, Any], scopes: set[str] | None
) -> None:
    changes = {f"token_provider_{name}": value for name, value in settings.items()}
    tokens = Checking(issuer.settings(**changes)).tokens
    if scopes is None:
        with pytest.raises(TokenError, match="scopes"):
            await tokens.check(issuer.token(**claims))
    else:
        assert (await tokens.check(issuer.token(**claims))).scopes == scopes


OIDC = {"provider": "oidc", "provider_issuer": "https://i.example", "provider_audience": "a"}
WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no issuer": ({**OIDC, "provider_issuer": ""}, "PROVIDER_ISSUER"),
    "no audience": ({**OIDC, "provider_audience": " , "}, "PROVIDER_AUDIENCE"),
    "plain http": ({**OIDC, "provider_issuer": "http://i.example"}, "PROVIDER_ISSUER"),
    "no URL": ({**OIDC, "provider_issuer": "i.example"}, "PROVIDER_ISSUER"),
    "a user in the URL": ({**OIDC, "provider_issuer": "http://127.0.0.1@i.example"}, "PROVIDER_ISSUER"),
    "a password in the URL": ({**OIDC, "provider_issuer": "https://u:p@i.example"}, "PROVIDER_ISSUER"),
    "a file": ({**OIDC, "provider_keys_url": "file:///keys"}, "PROVIDER_KEYS_URL"),
    "keys over plain http": ({**OIDC, "provider_keys_url": "http://10.0.0.1/keys"}, "PROVIDER_KEYS_URL"),
    "a shared secret": ({**OIDC, "provider_algorithms": "RS256,HS256"}, "PROVIDER_ALGORITHMS"),
    "no signature": ({**OIDC, "provider_algorithms": "none"}, "PROVIDER_ALGORITHMS"),
    "an unknown scope": ({**OIDC, "provider_scopes": "jobs,root"}, "PROVIDER_SCOPES"),
    "an unknown name's scope": ({**OIDC, "provider_scope_names": "a=root"}, "PROVIDER_SCOPE_NAMES"),
    "no name": ({**OIDC, "provider_scope_names": "ops"}, "PROVIDER_SCOPE_NAMES"),
    "our own issuer": ({**OIDC, "issuer": "https://i.example"}, "PROVIDER_ISSUER"),
    "no project": ({"provider": "firebase"}, "PROVIDER_PROJECT"),
    "an odd project": ({"provider": "firebase", "provider_project": "a/b"}, "PROVIDER_PROJECT"),
    "no pool": ({"provider": "cognito", "provider_clients": "a"}, "PROVIDER_POOL"),
    "an odd pool": (
        {"provider": "cognito", "provider_pool": "eu-west-1.evil/_x", "provider_clients": "a"},
        "PROVIDER_POOL",
    ),
    "no clients": ({"provider": "cognito", "provider_pool": POOL}, "PROVIDER_CLIENTS"),
}


@pytest.mark.parametrize(("changes", "variable"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_names_its_variable(changes: dict[str, str], variable: str) -> None:
    fields: dict[str, Any] = {f"token_{name}": value for name, value in changes.items()}
    with pytest.raises(SettingsError, match=f"HEADRACE_TOKEN_{variable}:"):
        Tokens(TokenSettings(token_secret=SECRET, **fields))


def test_each_provider_s_keys_are_looked_for_at_its_own() -> None:
    oidc = TokenSettings(
        token_secret=SECRET,
        token_provider="oidc",
        token_provider_issuer="https://tenant.example/",
        token_provider_audience="a",
    )
    assert profile_of(oidc).keys_url == "https://tenant.example/.well-known/openid-configuration"
    google = TokenSettings(token_secret=SECRET, token_provider="firebase", token_provider_project="p1")
    assert profile_of(google).keys_url == FIREBASE_KEYS
    amazon = TokenSettings(
        token_secret=SECRET,
        token_provider="cognito",
        token_provider_pool=POOL,
        token_provider_clients="web",
    )
    assert profile_of(amazon).keys_url == f"{COGNITO}/.well-known/jwks.json"
    for settings in (oidc, google, amazon):
        assert Tokens(settings).why_no_keys() is not None

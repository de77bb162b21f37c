"""Services that accept another issuer's tokens start from their images, and check its certificate.

The issuer is a process in the service's own container, over https with a certificate of the test's authority.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.containers.commands import told, works
from tests.containers.stack import Stack
from tests.integration.certificates import Authority
from tests.issuer import AUDIENCE, DISCOVERY, KEYS, Json, SigningKey

URL = "https://127.0.0.1:8443"
POOL = "eu-west-1_AbC123"
NAME = "headrace-test-issued"
WITHIN_S = 120

ISSUER = """
import functools, http.server, ssl
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/issuer/pages")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/issuer/cert.pem", "/issuer/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""

ASKING = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8070, timeout=30)
connection.request("GET", sys.argv[1], headers={"Authorization": f"Bearer {sys.stdin.read()}"})
print(connection.getresponse().status)
"""

SETTINGS = {
    "oidc": {"ISSUER": URL, "AUDIENCE": AUDIENCE},
    "firebase": {"PROJECT": "my-project", "KEYS_URL": URL + KEYS},
    "cognito": {"POOL": POOL, "CLIENTS": "web", "KEYS_URL": URL + KEYS},
}
CLAIMS: dict[str, Json] = {
    "oidc": {"iss": URL, "aud": AUDIENCE},
    "firebase": {"iss": "https://securetoken.google.com/my-project", "aud": "my-project", "auth_time": 1},
    "cognito": {
        "iss": f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}",
        "client_id": "web",
        "token_use": "access",
    },
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that it has, as its container sees it in /issuer."""
    place = Authority().write(tmp_path_factory.mktemp("issuer"), address="127.0.0.1")
    pages = {
        DISCOVERY: {"issuer": URL, "jwks_uri": URL + KEYS},
        KEYS: {"keys": [SigningKey("one").jwk()]},
    }
    for path, page in pages.items():
        file = place / "pages" / path.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(page))
    # The service is another user than the one that runs the tests.
    for each in (place, *place.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    return place


@contextmanager
def started(stack: Stack, service: str, provider: str, issuer: Path) -> Iterator[str]:
    """One more container of a service, with that provider."""
    settings = {
        "SSL_CERT_FILE": "/issuer/ca.pem",
        "HEADRACE_TOKEN_PROVIDER": provider,
        **{f"HEADRACE_TOKEN_PROVIDER_{name}": value for name, value in SETTINGS[provider].items()},
    }
    words = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    try:
        stack.compose(
            *("run", "--detach", "--no-deps", "--name", NAME, "--volume", f"{issuer}:/issuer:ro"),
            *(*words, service),
        )
        told("docker", "exec", "--detach", NAME, "python", "-c", ISSUER)
        deadline = time.monotonic() + WITHIN_S
        while not works("docker", "exec", NAME, "python", "-m", "deploy.healthy"):
            assert time.monotonic() < deadline, f"{service} does not become ready with {provider}"
        yield NAME
    finally:
        works("docker", "rm", "--force", "--volumes", NAME)


OPEN = {"api": ("/v1/languages", "200"), "notifier": ("/v1/connections", "403")}
"""What a service answers to a user, which is another thing than the 401 for a token that proves nothing."""


@pytest.mark.parametrize(
    ("service", "provider"), [*(("api", provider) for provider in SETTINGS), ("notifier", "oidc")]
)
def test_a_service_starts_with_another_issuer_and_accepts_its_tokens(
    stack: Stack, issuer: Path, service: str, provider: str
) -> None:
    now = time.time()
    claims = {"sub": "alice", "iat": now - 60, "exp": now + 600, **CLAIMS[provider]}
    good, forged = SigningKey("one").sign(claims), SigningKey("another").sign(claims, {"kid": "one"})
    path, status = OPEN[service]
    with started(stack, service, provider, issuer) as name:
        asking = ("docker", "exec", "--interactive", name, "python", "-c", ASKING, path)
        assert told(*asking, given=good).strip() == status
        assert told(*asking, given=forged).strip() == "401"

"""Where a provider is asked for its keys: who is believed to be it, and what of the environment counts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.auth import KeysUnavailableError, TokenError
from shared.auth.jwks_client import FetchError, KeySource, check_url
from tests.integration.certificates import Authority
from tests.issuer import DISCOVERY, KEYS, Checking, Issuer, SigningKey, accepts, http, running_issuer

PROXIES = "http_proxy", "https_proxy", "all_proxy", "no_proxy"


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An authority that the system believes, and a certificate of 127.0.0.1."""
    directory = Authority().write(tmp_path / "tls", address="127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(directory / "ca.pem"))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return directory


@pytest.fixture
async def issuer(certificates: Path) -> AsyncIterator[Issuer]:
    """One that is asked over https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    async with running_issuer(context) as running:
        yield running


async def test_an_issuer_with_a_certificate_that_the_system_believes(issuer: Issuer) -> None:
    assert issuer.url.startswith("https://")
    assert await accepts(Checking(issuer.settings()).tokens, issuer.token())
    assert issuer.asked == {DISCOVERY: 1, KEYS: 1}


async def test_an_issuer_whose_certificate_nobody_signed_is_not_asked(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority().write(tmp_path / "other", address="127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(other / "ca.pem"))
    with pytest.raises(KeysUnavailableError):
        await Checking(issuer.settings()).tokens.check(issuer.token())
    assert not issuer.asked


async def test_an_issuer_with_a_certificate_of_another_name_is_not_asked(issuer: Issuer) -> None:
    url = issuer.url.replace("127.0.0.1", "localhost")
    with pytest.raises(FetchError, match="Certificate"):
        await KeySource(url + KEYS, discovers_for=None, timeout_s=10).read()
    assert not issuer.asked


async def test_a_password_file_and_proxies_mean_nothing_on_this_machine(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in PROXIES[:3]:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await accepts(Checking(issuer.settings()).tokens, issuer.token())
    assert len(issuer.heads) == 2
    assert all(b"authorization" not in head.lower() for head in issuer.heads)
    assert all(b"cookie" not in head.lower() for head in issuer.heads)


async def test_an_issuer_elsewhere_is_asked_through_the_proxy_that_the_environment_names(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_issuer() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        source = KeySource("https://issuer.invalid/keys", discovers_for=None, timeout_s=10)
        # It answers as a server would, without a tunnel: TLS cannot begin.
        with pytest.raises(FetchError, match=r"issuer\.invalid cannot be asked"):
            await source.read()
        assert proxy.heads[0].startswith(b"CONNECT issuer.invalid:443 ")
        monkeypatch.setenv("no_proxy", "issuer.invalid")
        with pytest.raises(FetchError):
            await source.read()
        assert len(proxy.heads) == 1


async def test_a_redirect_of_an_issuer_leads_nowhere(issuer: Issuer) -> None:
    for status in ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"):
        issuer.keys_answer = http(b"", status=status, headers=f"Location: {issuer.url}/moved\r\n")
        with pytest.raises(TokenError):
            await Checking(issuer.settings()).tokens.check(issuer.token())
    assert set(issuer.asked) == {DISCOVERY, KEYS}


async def test_what_a_fetch_opened_is_closed_whatever_came_of_it(issuer: Issuer) -> None:
    """A socket that is left to the collector of garbage would fail the test by its warning."""
    source = KeySource(issuer.url + KEYS, discovers_for=None, timeout_s=10)
    for body in (
        http({"keys": [SigningKey("one").jwk()]}),
        http(b"x" * 300_000),
        b"HTTP/1.1 200 OK\r\n\r\nhalf",
    ):
        issuer.keys_answer = body
        await asyncio.gather(source.read(), return_exceptions=True)
    issuer.released.clear()
    issuer.was_asked.clear()
    reading = asyncio.create_task(source.read())
    await issuer.was_asked.wait()
    reading.cancel()
    await asyncio.wait({reading})
    issuer.released.set()


WRONG = [
    *("", "x", "//host/keys", "ftp://issuer.example", "file:///etc/passwd", "https://", "https:///keys"),
    *("http://issuer.example", "http://0.0.0.0/", "http://2130706433/", "http://127.0.0.1.issuer.example/"),
    *("https://user@issuer.example/", "https://:word@issuer.example/", "http://127.0.0.1@issuer.example/"),
    *("https://issuer.example/#part", "https://issuer.example:99999/", "https://issuer.example:x/"),
    *(
        "https://[::1",
        "https://a b/",
        "https://a\nb/",
        "https://issuer.example/\r\nHost: x",
        "https://a\\@b/",
    ),
    *("https://exa%6dple/", "https://a\0.example/", "https://\udc80.example/"),
]


@pytest.mark.parametrize("url", WRONG)
def test_a_url_where_no_provider_may_be_asked(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(it is not a URL|it must begin|a URL of a provider)"):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example",
        "https://xn--n-nga1b.example:8443/a?b=c",
        "https://ünï.example/",
        "http://[::1]:8/",
    ],
)
def test_a_url_where_one_may(url: str) -> None:
    assert check_url(url).raw_host

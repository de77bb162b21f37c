"""What a browser finds at the services: pages that need nothing of another origin."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import yaml

from headrace.local.supervisor import Stack
from shared.contract import problems
from shared.version import VERSION
from tests.http_client import http_client

REFERENCES = re.compile(r"""(?:src|href)=["']([^"'#]+)["']""")


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A browser's eyes, without a token."""
    async with http_client() as client:
        yield client


def origins(stack: Stack) -> dict[str, str]:
    websocket = httpx.URL(stack.address.websocket_url)
    return {"api": stack.address.api_url, "notifier": str(websocket.copy_with(scheme="http", path=""))}


@pytest.mark.parametrize(
    ("service", "path"), [("api", "/"), ("api", "/docs"), ("notifier", "/")], ids=["api", "docs", "notifier"]
)
async def test_a_page_and_all_that_it_names_come_from_the_service_itself(
    shared_stack: Stack, http: httpx.AsyncClient, service: str, path: str
) -> None:
    base = origins(shared_stack)[service]
    page = await http.get(base + path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "<script>" not in page.text, "the policy forbids scripts within a page"
    named = REFERENCES.findall(page.text)
    assert named
    for reference in named:
        if reference.startswith("data:"):
            continue
        assert "//" not in reference, f"{reference} is elsewhere"
        answer = await http.get(httpx.URL(page.url).join(reference))
        assert answer.status_code == 200, reference
        assert answer.content, reference
        if reference.endswith(".js"):
            assert answer.headers["content-type"].startswith("text/javascript")


async def test_the_documentation_of_the_api_reads_its_document(
    shared_stack: Stack, http: httpx.AsyncClient
) -> None:
    base = origins(shared_stack)["api"]
    script = (await http.get(f"{base}/docs/start.js")).text
    (address,) = re.findall(r'url: "([^"]+)"', script)
    document = (await http.get(httpx.URL(f"{base}/docs").join(address))).json()
    assert document["info"]["version"] == VERSION
    bundle = (await http.get(f"{base}/docs/assets/swagger-ui-bundle.js")).text
    assert "SwaggerUIBundle" in bundle


async def test_the_notifier_describes_its_protocol(shared_stack: Stack, http: httpx.AsyncClient) -> None:
    answer = await http.get(origins(shared_stack)["notifier"] + "/asyncapi.yaml")
    assert answer.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(answer.text)["asyncapi"].startswith("3.")


@pytest.mark.parametrize(
    "path", ["/docs/assets/../../main.py", "/docs/assets/%2e%2e/main.py", "/docs/assets/"]
)
async def test_nothing_but_the_assets_is_given_out(
    shared_stack: Stack, http: httpx.AsyncClient, path: str
) -> None:
    answer = await http.get(origins(shared_stack)["api"] + path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("service", ["api", "notifier"])
@pytest.mark.parametrize("path", ["/nowhere", "/problems/nothing", "/v1/jobs", "/v1/stream"])
async def test_a_problem_leads_to_a_page_about_it(
    shared_stack: Stack, http: httpx.AsyncClient, service: str, path: str
) -> None:
    answer = await http.get(origins(shared_stack)[service] + path)
    assert answer.headers["content-type"] == "application/problem+json"
    link = answer.links["help"]["url"]
    page = await http.get(answer.url.join(link))
    assert page.headers["content-type"].startswith("text/markdown")
    assert answer.json()["type"] in page.text
    shown = await http.get(answer.url.join(link), headers={"Accept": "text/html,*/*;q=0.8"})
    assert shown.headers["content-type"].startswith("text/html")
    assert f"<h1>{link.rpartition('/')[2]}</h1>" in shown.text
    assert shown.headers["vary"] == "Accept"


@pytest.mark.parametrize("service", ["api", "notifier"])
async def test_every_problem_has_a_page_whose_links_lead_somewhere(
    shared_stack: Stack, http: httpx.AsyncClient, service: str
) -> None:
    index = await http.get(origins(shared_stack)[service] + "/problems/", headers={"Accept": "text/html"})
    named = set(REFERENCES.findall(index.text)) - {"data:,"}
    assert named == {kind.slug for kind in problems.ALL}
    for name in sorted(named):
        page = await http.get(index.url.join(name), headers={"Accept": "text/html"})
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert set(REFERENCES.findall(page.text)) - {"data:,"} <= named
        assert ".md)" not in (await http.get(index.url.join(name))).text


async def test_a_connection_that_is_refused_before_its_request_is_read_names_the_page(
    shared_stack: Stack, http: httpx.AsyncClient
) -> None:
    answer = await http.get(origins(shared_stack)["api"] + "/" + "x" * 20_000)
    assert answer.status_code == 414
    assert answer.links["help"]["url"] == problems.PAGES + problems.URI_TOO_LONG.slug

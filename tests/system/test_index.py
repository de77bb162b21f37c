"""One address is enough: the api tells where everything is, and the client asks."""

import pytest

from headrace.client.client import AsyncClient
from headrace.client.endpoint import websocket_at
from headrace.local.stack import StackError
from headrace.local.supervisor import Stack
from shared.version import VERSION
from tests.http_client import http_client
from tests.system.conftest import User, user_of

pytestmark = pytest.mark.full


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
async def test_every_address_is_told_and_leads_somewhere(shared_stack: Stack, path: str) -> None:
    async with user_of(shared_stack, scopes=frozenset({"jobs", "ops", "audit:all"})) as alice:
        headers = {"Authorization": f"Bearer {alice.token}"}
        async with http_client(base_url=shared_stack.address.api_url) as http:
            index = (await http.get(path)).json()
            assert (index["name"], index["version"]) == ("headrace", VERSION)
            assert index["links"].pop("websocket") == "/v1/ws"
            # All of one origin.
            assert all(link.startswith("/") for link in index["links"].values())
            for name, link in index["links"].items():
                async with http.stream("GET", link, headers=headers) as answer:
                    # A batch is sent, not read: there is no job of that name.
                    assert answer.status_code == (404 if name == "batch" else 200), name


async def test_a_client_that_knows_one_address_follows_events(shared_stack: Stack, alice: User) -> None:
    async with AsyncClient(shared_stack.address.api_url, alice.token) as client:
        job = await client.run({"language": "bash", "code": "echo here"})
        assert job.status == "completed"
        kinds = [event.type async for event in client.follow(job.job_id)]
    assert kinds[-1] == "job.completed.v1"


@pytest.mark.parametrize(
    ("api_url", "link", "found"),
    [
        ("http://a:1", "/v1/ws", "ws://a:1/v1/ws"),
        ("https://a/headrace/", "/v1/ws", "wss://a/headrace/v1/ws"),
        ("http://a", "https://events.example.org/v1/ws", "wss://events.example.org/v1/ws"),
    ],
)
def test_where_events_are(api_url: str, link: str, found: str) -> None:
    assert websocket_at(api_url, link) == found


def test_an_api_that_tells_no_address() -> None:
    with pytest.raises(StackError):
        websocket_at("http://a", "gopher://b/v1/ws")

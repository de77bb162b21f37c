"""Whatever stands in a query or a header of the stream: no request makes the notifier fail."""

from tests.http_client import http_client
from tests.integration.notifier.conftest import token
from tests.integration.test_odd_requests import ODD

JOB = "01890a5d-ac96-774b-bcce-b302099a8057"


async def test_odd_words_in_queries_and_headers(url: str) -> None:
    base = url.replace("ws://", "http://").removesuffix("/v1/ws")
    headers = [(b"Authorization", f"Bearer {token()}".encode())]
    failed, seen = [], set()
    async with http_client(base_url=base, timeout=30) as client:
        for word in ODD:
            for params, more in (
                ({"after": word[:4_000]}, []),
                ({"job_id": word[:4_000]}, []),
                ({"job_id": JOB, "after": word[:4_000]}, []),
                ({}, [(b"Last-Event-ID", word[:4_000].replace("\n", "").replace("\0", "").strip().encode())]),
            ):
                async with client.stream(
                    "GET", "/v1/stream", params=params, headers=[*headers, *more]
                ) as answer:
                    seen.add(answer.status_code)
                    if answer.status_code == 500:
                        failed.append((params, more))
    assert failed == []
    assert {200, 400} <= seen

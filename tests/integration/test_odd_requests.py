"""Whatever stands in a query, a header, a path or a body: no request makes the api fail.

Each odd word goes to every place that takes one. 503 is an answer: nobody answers for the view here.
"""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.jetstream.connection import Broker
from tests.cases import cases
from tests.integration.api_in_process import asked_api

JOB = "01890a5d-ac96-774b-bcce-b302099a8057"
EDGE_TIMES = [
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:30-23:59"),
    *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999999+00:00"),
    *("1969-12-31T23:59:59Z", "2026-01-01T00:00:60Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z"),
    *("0000-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+99:99"),
    *("2026-01-01T00:00:00." + "9" * 400 + "Z", "2026-01-01t00:00:00z", "2026-01-01"),
]
NUMBERS = [
    *(
        "0",
        "-0",
        "-1",
        "1.0",
        "1e3",
        "1e999",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "+1",
        " 1",
        "1_0",
        "0x10",
        "٣",
    ),
    *(str(2**31), str(2**53), str(2**63 - 1), str(2**63), str(2**64), "9" * 18, "9" * 5_000),
]
TEXTS = [
    "",
    "*",
    ">",
    "a.b",
    "..",
    "\0",
    "\n",
    "é",
    "🦉",
    "\x7f",
    "%",
    "%00",
    "a=b",
    "=",
    "'",
    '"',
    "W/",
    ",",
    ";",
    "true",
    "[" * 500,
]
ODD = [*EDGE_TIMES, *NUMBERS, *TEXTS]

QUERIES = {
    "/v1/events": ("from", "to", "after", "type", "job_id", "user", "all"),
    "/v1/jobs": ("created_from", "created_to", "cursor", "limit", "status", "language", "session", "label"),
    f"/v1/jobs/{JOB}": ("as_of",),
    f"/v1/sessions/{JOB}": ("revision",),
    "/v1/dead-letters": ("cursor", "limit"),
}
HEADERS = {
    ("GET", f"/v1/jobs/{JOB}"): ("If-None-Match", "Prefer", "X-Request-Id", "traceparent"),
    ("POST", f"/v1/jobs/{JOB}/cancel"): ("If-Match",),
    ("POST", "/v1/jobs"): ("Idempotency-Key", "Prefer", "Content-Type", "Content-Encoding"),
    ("POST", "/v1/jobs/batch"): ("Idempotency-Key",),
    ("PUT", f"/v1/sessions/{JOB}"): ("If-Match",),
    ("POST", f"/v1/sessions/{JOB}/run"): ("If-Match", "Prefer"),
    ("GET", f"/v1/jobs/{JOB}/artifacts/file"): ("Range", "If-None-Match"),
    ("GET", "/v1/languages"): ("Authorization", "Accept", "Origin"),
}
WORDS_OF_HEADERS = [
    *("wait", "wait=", "wait=-1", "wait=0", "wait=NaN", "wait=1e9", 'wait="0"', "wait=0;wait=0, wait=x"),
    *("bytes=0-", "bytes=-" + "9" * 30, '"1"', 'W/"1"', '"' + "9" * 19 + '"', '"' + "9" * 30 + '"', '"٣"'),
    *("Bearer " + "." * 50, "Bearer ..", "application/json; charset=utf-7", "gzip"),
]
PATHS = [
    *("/v1/jobs/{}", "/v1/jobs/{}/events", "/v1/jobs/{}/artifacts", f"/v1/jobs/{JOB}/artifacts/{{}}"),
    *("/v1/sessions/{}", "/v1/sessions/{}/history", "/v1/dead-letters/{}", "/v1/{}"),
]
STRINGS = [
    rb'"\ud800"',
    rb'"\udfff\ud800"',
    rb'"\u0000"',
    b'"\xff"',
    rb'"\uffff"',
    b'"' + b"a" * 70_000 + b'"',
    b'""',
]
VALUES = [
    *STRINGS,
    *(
        b"NaN",
        b"Infinity",
        b"-1",
        b"0",
        b"1e400",
        b"1.5",
        str(2**63).encode(),
        str(2**64).encode(),
        b"9" * 5_000,
    ),
    *(b"null", b"true", b"[]", b"{}", b"[[]]", b'{"a":1,"a":2}', b'[{"name":"a"}]'),
    *(b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900),
    *(b'{"\\ud800":"a"}', b'{"a":"\\ud800"}', b'{"wall_ms":1e400}', b'{"wall_ms":18446744073709551616}'),
    *(b'["\\ud800"]', b'[{"name":"\\ud800","content":"a"}]', b'[{"name":"a","content":"\\ud800"}]'),
]
FIELDS = [
    *(
        "language",
        "code",
        "files",
        "entrypoint",
        "stdin",
        "stdin_encoding",
        "args",
        "env",
        "limits",
        "labels",
    ),
    *("limits_policy", "ttl_s", "artifacts", "title", "unknown"),
]
BODIES = ("/v1/jobs", "/v1/jobs/batch", "/v1/sessions", f"/v1/sessions/{JOB}/run")


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, "jobs", "ops", "audit:all") as client:
        yield client


def is_answered(answer: httpx.Response) -> bool:
    """As promised: anything but a failure of the service, and every refusal with its problem."""
    return answer.status_code < 400 or (
        answer.status_code != 500 and answer.headers["content-type"] == "application/problem+json"
    )


@pytest.mark.full
async def test_odd_words_in_queries(api: httpx.AsyncClient) -> None:
    failed = [
        (path, name, word[:80])
        for path, names in QUERIES.items()
        for name in names
        for word in ODD
        if not is_answered(await api.get(path, params={name: word}))
    ]
    assert failed == []


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z"])
async def test_a_time_before_all_events_leaves_none_out(api: httpx.AsyncClient, time: str) -> None:
    job = (await api.post("/v1/jobs", json={"language": "python", "code": ""})).json()["job_id"]
    latest = "9999-12-31T23:59:59-23:59"
    for params, count in (({"from": time, "to": latest}, 1), ({"to": time}, 0), ({"from": latest}, 0)):
        answer = await api.get("/v1/events", params=params)
        assert (answer.status_code, len(answer.text.splitlines())) == (200, count)
    assert (await api.get(f"/v1/jobs/{job}", params={"as_of": latest})).status_code == 200
    assert (await api.get(f"/v1/jobs/{job}", params={"as_of": time})).status_code == 404


@pytest.mark.full
async def test_odd_words_in_headers(api: httpx.AsyncClient) -> None:
    body = b'{"language":"python","code":""}'
    words = [word.encode() for word in (*ODD, *WORDS_OF_HEADERS)]
    failed = [
        (method, path, name, word[:80])
        for (method, path), names in HEADERS.items()
        for name in names
        for word in words
        if not is_answered(
            await api.request(
                method,
                path,
                headers=[(b"Content-Type", b"application/json"), (name.encode(), word)],
                content=body if method == "POST" else None,
            )
        )
    ]
    assert failed == []


@pytest.mark.full
async def test_odd_words_in_paths(api: httpx.AsyncClient) -> None:
    failed = []
    for path in PATHS:
        for word in ODD:
            quoted = "".join(f"%{byte:02X}" for byte in word[:1_000].encode())
            if not is_answered(await api.get(path.format(quoted))):
                failed.append((path, word[:80]))
    assert failed == []


@pytest.mark.parametrize("path", cases(BODIES, {"/v1/jobs"}))
async def test_odd_values_in_bodies(api: httpx.AsyncClient, path: str) -> None:
    failed = []
    for field in FIELDS if path in {"/v1/jobs", "/v1/sessions"} else FIELDS[:3]:
        for value in VALUES:
            rest = b'"language":"python","code":"a",' if field not in {"language", "code"} else b""
            body = b"{" + rest + b'"' + field.encode() + b'":' + value + b"}"
            if path.endswith("batch"):
                body = b'{"jobs":[' + body + b"]}"
            answer = await api.post(path, content=body, headers={"Content-Type": "application/json"})
            if not is_answered(answer):
                failed.append((field, value[:80]))
    for value in VALUES:
        answer = await api.post(path, content=value, headers={"Content-Type": "application/json"})
        if not is_answered(answer):
            failed.append(("", value[:80]))
    assert failed == []

"""An HTTP client with minimal processor time: one connection, one prepared request at a time."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import Stack

HEAD_END = b"\r\n\r\n"
ACCEPTED = frozenset({b"200", b"202"})


@dataclass(slots=True)
class Posts:
    """Repeats one POST over one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: bytes

    async def post(self) -> bytes:
        """Send it; the body of the answer. Raises SystemExit for any answer but 200 and 202."""
        self.writer.write(self.request)
        head = await self.reader.readuntil(HEAD_END)
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        body = await self.reader.readexactly(length)
        if head.split(b" ", 2)[1] not in ACCEPTED:
            raise SystemExit(f"not accepted: {head.decode()}{body.decode()}")
        return body


async def open_posts(url: str, token: str, body: bytes, path: str = "/v1/jobs") -> Posts:
    """A connection to this path with this body."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Posts(reader, writer, request.encode() + body)


async def post_as(stack: Stack, user: str, body: bytes, count: int) -> None:
    """Have so many jobs of one user accepted, one after another."""
    endpoint = local_endpoint(stack.directory, stack.address, user)
    assert isinstance(endpoint.token, str), "a local endpoint has a token"
    connection = await open_posts(endpoint.api_url, endpoint.token, body)
    for _ in range(count):
        await connection.post()
    connection.writer.close()

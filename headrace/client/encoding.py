"""Bytes in JSON: text, or base64 where they are not UTF-8."""

import base64


def content_of(content: bytes) -> dict[str, str]:
    """The fields `content` and `encoding` of these bytes."""
    try:
        return {"content": content.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode(), "encoding": "base64"}

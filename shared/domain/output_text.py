"""Output as the contract writes it: text where the bytes are UTF-8, else base64. Pure."""

import base64

from shared.domain.enumerations import Encoding


def as_text(content: bytes) -> tuple[str, Encoding]:
    """Bytes in JSON's form: text if they are UTF-8, else base64."""
    try:
        return content.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(content).decode(), "base64"


def as_bytes(content: str, encoding: str) -> bytes:
    """What `as_text` was given. Raises ValueError for text that it does not make."""
    match encoding:
        case "utf-8":
            return content.encode()
        case "base64":
            return base64.b64decode(content, validate=True)
        case _:
            raise ValueError("an encoding of a later version")


def incomplete_tail(content: bytes | bytearray) -> int:
    """How many bytes at the end (0 to 3) begin a UTF-8 character that is not complete."""
    for back in range(1, min(3, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < width else 0
        if byte < 0x80:
            return 0
    return 0

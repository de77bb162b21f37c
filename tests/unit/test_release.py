"""What a release must agree on: the version, what SECURITY.md says of deployments, recipes of hooks."""

import re
from pathlib import Path

import pytest
import yaml

from services.executor.minimum_isolation import DEMANDS
from services.executor.settings import ExecutorSettings
from shared.settings import split_list
from shared.version import VERSION
from tests.units import read_units

ROOT = Path(__file__).parents[2]
MINIMUM = "HEADRACE_MINIMUM_ISOLATION"


@pytest.mark.parametrize("image", sorted((ROOT / "deploy").glob("*.Dockerfile")), ids=lambda path: path.stem)
def test_an_image_has_the_version(image: Path) -> None:
    assert re.findall(r"^ARG VERSION=(.*)$", image.read_text(), re.MULTILINE) == [VERSION]


def test_the_changelog_tells_of_the_version_first() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(VERSION)} - \d{{4}}-\d\d-\d\d", headings[1])


def test_security_says_what_each_deployment_demands() -> None:
    (row,) = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if f"(`{MINIMUM}`)" in line]
    said = re.findall(r"\| `([\w,]+)` ", row)
    unit = read_units()["executor"].environment("")[MINIMUM]
    image = yaml.safe_load((ROOT / "deploy" / "services.yaml").read_text())
    container = image["services"]["executor"]["environment"][MINIMUM]
    assert said == [unit, re.findall(r":-(.*)}", container)[0], ExecutorSettings().minimum_isolation]
    assert {*split_list(unit)} == {*DEMANDS}, "a unit demands all that there is"


def test_hooks_run_recipes_that_there_are() -> None:
    (hooks,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    recipes = re.findall(r"^([a-z]+)(?: [^:]*)?:(?: |$)", (ROOT / "justfile").read_text(), re.MULTILINE)
    entries = [hook["entry"].split() for hook in hooks["hooks"]]
    assert [program for program, _ in entries] == ["./just", "./just"]
    assert {recipe for _, recipe in entries} <= {*recipes}

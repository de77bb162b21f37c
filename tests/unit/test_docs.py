"""The documents are complete: every setting, metric, problem, event and file has its place in them."""

import re
from pathlib import Path

import msgspec
import pytest
from prometheus_client.metrics import MetricWrapperBase

from services.api.http.openapi.responses import OF_STATUS, ProblemDocument
from services.api.settings import ApiSettings
from services.executor.languages.catalogue import Language, load_languages
from services.executor.settings import ExecutorSettings
from services.notifier.settings import NotifierSettings
from services.projector.settings import ProjectorSettings
from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE, ProblemType
from shared.domain.events import Event, FeedNote
from shared.jetstream.stream_config import ProvisionSettings
from shared.observability import metrics
from shared.service import problem_pages
from shared.settings import is_secret
from tests.language_page import written

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
LANGUAGES = (ROOT / "docs" / "languages.md").read_text()
CI = (ROOT / ".ci" / "run").read_text()
IMAGE = (ROOT / "deploy" / "executor.Dockerfile").read_text()
PAGES = sorted(
    {page.resolve() for top in (ROOT / "docs", problem_pages.PLACE) for page in top.rglob("*.md")}
    | {*ROOT.glob("*.md")}
)
RECIPES = set(re.findall(r"^([a-z-]+)(?: .*)?:(?: |$)", (ROOT / "justfile").read_text(), re.MULTILINE))
PROBLEMS = (problem_pages.PLACE / "README.md").read_text()


@pytest.mark.parametrize(
    "kind", [ApiSettings, ExecutorSettings, NotifierSettings, ProjectorSettings, ProvisionSettings]
)
def test_every_setting_has_a_row(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        assert f"| `HEADRACE_{field.name.upper()}` |" in SETTINGS
        assert not is_secret(field) or f"| `HEADRACE_{field.name.upper()}_FILE` |" in SETTINGS


def test_every_metric_has_a_row() -> None:
    for name, metric in vars(metrics).items():
        if isinstance(metric, MetricWrapperBase):
            names = [sample.name for sample in metric.describe()]
            described = {f"| `{name}{ending}` |" for name in names for ending in ("", "_total", "_info")}
            assert any(row in SETTINGS for row in described), name


def test_every_problem_has_a_row_and_a_page_and_every_page_its_problem() -> None:
    for kind in problems.ALL:
        assert f"| [`{kind.uri}`]({kind.slug}.md) | {int(kind.status)} | {kind.title} |" in PROBLEMS
    pages = {page.stem for page in problem_pages.PLACE.glob("*.md")} - {"README"}
    assert pages == {kind.slug for kind in problems.ALL}


@pytest.mark.parametrize("kind", problems.ALL, ids=lambda kind: kind.slug)
def test_the_page_of_a_problem_shows_it_as_it_is_answered(kind: ProblemType) -> None:
    page = (problem_pages.PLACE / f"{kind.slug}.md").read_text()
    assert page.startswith(f"# {kind.slug}\n\n{int(kind.status)}: {kind.title}.\n")
    assert "**When.** " in page
    assert "**What to do.** " in page
    ((head, body),) = re.findall(r"```http\n(.*?)\n\n(.*?)```", page, re.DOTALL)
    assert head.startswith(f"HTTP/1.1 {int(kind.status)} ")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    assert headers["Content-Type"] == MEDIA_TYPE
    assert headers["Link"] == kind.link
    document = msgspec.json.decode(body, type=ProblemDocument)
    assert (document.type, document.title, document.status) == (kind.uri, kind.title, int(kind.status))
    assert headers.get("X-Request-Id", "") in document.instance
    for name in OF_STATUS.get(int(kind.status), ()):
        assert name in headers
    for setting in re.findall(r"`HEADRACE_\w+`", page):
        assert f"| {setting} |" in SETTINGS


def test_the_page_of_languages_is_what_the_language_files_say() -> None:
    assert written(LANGUAGES) == LANGUAGES, "run `just docs`"
    for language in load_languages().values():
        assert f"| `{language.name}` |" in LANGUAGES


@pytest.mark.parametrize("language", load_languages().values(), ids=lambda language: language.name)
def test_ci_and_the_image_have_every_languages_packages(language: Language) -> None:
    assert language.about is not None
    assert set(language.about.packages) <= set(CI.split())
    assert set(language.about.packages) <= set(re.split(r"[\s\"]+", IMAGE))


def test_every_event_and_note_has_its_subject_with_writer_and_readers() -> None:
    for kind in Event.__args__:
        assert f"| `jobs.<user>.<job>.{str(kind.__struct_config__.tag).split('.')[1]}` |" in ARCHITECTURE
    for kind in FeedNote.__args__:
        assert f"| `feed.<user>.<job>.{str(kind.__struct_config__.tag).split('.')[1]}` |" in ARCHITECTURE


def test_every_path_that_is_named_exists_and_every_module_is_named() -> None:
    """`a/b.py`, `c.py` in one cell means c.py beside b.py; braces list several."""
    named: set[Path] = set()
    for line in ARCHITECTURE.splitlines():
        folder = ""
        for path in re.findall(r"`([\w/{},*.]+)`", line):
            for one in _expand(path):
                if "/" not in one and not one.endswith((".py", ".sql", ".toml")):
                    continue
                found = {*ROOT.glob(one), *(ROOT / folder).glob(one)}
                assert found, (line, one)
                folder = one.rpartition("/")[0] or folder
                named |= found
    assert _modules() - named == set()


def _modules() -> set[Path]:
    """Every file of the packages but those that Python itself looks for."""
    files = (
        file for package in ("shared", "services", "headrace") for file in (ROOT / package).rglob("*.py")
    )
    return {file for file in files if not file.name.startswith("__")}


def _expand(path: str) -> list[str]:
    match = re.fullmatch(r"(.*)\{(.*)\}(.*)", path)
    return [path] if match is None else [match[1] + word + match[3] for word in match[2].split(",")]


def test_every_seam_names_its_modules_and_its_tests() -> None:
    """That each exists is checked above, for all of the page."""
    (section,) = re.findall(r"^## Seams\n(.*?)^## ", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 5
    for _, where, shown in rows:
        assert re.findall(r"`(?:shared|services|headrace)/[\w/{},]+\.py`", where)
        assert re.fullmatch(r"`tests/[\w/]+/test_\w+\.py`(?:, `tests/[\w/]+/test_\w+\.py`)*", shown)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_those_that_a_clone_has(page: Path) -> None:
    """Neither uv nor a published package is there for everybody; `./just` is."""
    text = page.read_text()
    assert "uv run" not in text
    assert "install headrace" not in text
    assert set(re.findall(r"\./just ([a-z-]+)", text)) <= RECIPES


def test_ci_runs_the_commands_of_the_readme() -> None:
    gates = ["lint", "demo", "coverage", "test", "test-rest", "containers"]
    assert re.findall(r"^\./just ([a-z-]+)$", CI, re.MULTILINE) == gates
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{gate}`" in readme for gate in gates)

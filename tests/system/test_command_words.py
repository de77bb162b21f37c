"""Words for compilers and interpreters, through the whole stack: allowed, refused, recorded, kept apart."""

from pathlib import Path

import httpx
import pytest

from shared.domain.allowed_words import WORDS_MAX
from tests.cases import languages
from tests.hosts import needs
from tests.system.conftest import User
from tests.system.test_cli import headrace
from tests.system.test_http import assert_problem, events_of

JAVA = """
public class Main { public static void main(String[] a) { System.out.println(System.getProperty("N")); } }
"""
PROGRAMS: dict[str, tuple[str, dict[str, list[str]], str]] = {
    "c": (
        '#include <stdio.h>\nint main(void) { printf("%d\\n", N); }',
        {"compiler_args": ["-std=c99", "-O3", "-DN=7"]},
        "7\n",
    ),
    "c++": (
        '#include <iostream>\nint main() { std::cout << N << "\\n"; }',
        {"compiler_args": ["-std=c++17", "-DN=7", "-Wall"]},
        "7\n",
    ),
    "rust": (
        'fn main() { println!("{}", cfg!(fast)); }',
        {"compiler_args": ["--cfg=fast", "--edition=2018", "-Copt-level=0"]},
        "true\n",
    ),
    "java": (
        JAVA,
        {"compiler_args": ["--release=11"], "interpreter_args": ["-DN=7", "-Xss64m"]},
        "7\n",
    ),
    "python": ("print(__debug__)", {"interpreter_args": ["-O"]}, "False\n"),
}
SMALL = frozenset({"c", "python"})


@pytest.mark.parametrize("name", languages(PROGRAMS, SMALL))
async def test_words_reach_the_commands_and_are_recorded(alice: User, name: str) -> None:
    code, words, printed = PROGRAMS[name]
    job = await alice.run(name, code, **words)
    assert job["status"] == "completed", job["result"]
    assert job["result"]["stdout"]["content"] == printed
    history = await alice.client.history(job["job_id"])
    for field in ("compiler_args", "interpreter_args"):
        assert list(job[field]) == words.get(field, [])
        assert history[0].data.get(field) == words.get(field), "left out of the event where there are none"


async def test_the_languages_say_what_they_allow(alice: User) -> None:
    offered = {language.name: language for language in await alice.client.languages()}
    assert "-O" in offered["python"].interpreter_args
    assert offered["python"].compiler_args == ()
    if "c" in offered:
        assert {"-O2", "-std=c17", "-D{name}={value}"} <= {*offered["c"].compiler_args}
        assert offered["c"].interpreter_args == ()


async def test_what_is_not_allowed_is_refused_with_what_is(alice: User, http: httpx.AsyncClient) -> None:
    body = {"language": "python", "code": "1"}
    answer = await http.post(
        "/v1/jobs", json={**body, "interpreter_args": ["-O", "-c", "-O\n"], "compiler_args": ["-O2"]}
    )
    problem = assert_problem(answer, 422, "invalid-request")
    assert problem["errors"] == [
        {"field": "compiler_args.0", "message": "'-O2' is not allowed"},
        {"field": "interpreter_args.1", "message": "'-c' is not allowed"},
        {"field": "interpreter_args.2", "message": "'-O\\n' is not allowed"},
    ]
    assert "compiler_args of python: none" in problem["detail"]
    assert "interpreter_args of python: -O, -OO, " in problem["detail"]
    many = await http.post("/v1/jobs", json={**body, "interpreter_args": ["-O"] * (WORDS_MAX + 1)})
    assert assert_problem(many, 422, "invalid-request")["errors"][0]["field"] == "interpreter_args"
    batch = await http.post("/v1/jobs/batch", json={"jobs": [{**body, "interpreter_args": ["-c"]}, body]})
    assert [each["status"] for each in batch.json()["jobs"]] == [422, 202]
    assert len({event.job_id for event in await events_of(alice)}) == 1


async def test_a_repetition_with_other_words_is_another_request(http: httpx.AsyncClient) -> None:
    body = {"language": "python", "code": "print(__debug__)"}
    key = {"Idempotency-Key": "words"}
    first = await http.post("/v1/jobs", json={**body, "interpreter_args": ["-O"]}, headers=key)
    again = await http.post("/v1/jobs", json={**body, "interpreter_args": ["-O"]}, headers=key)
    assert (first.status_code, again.json()["job_id"]) == (202, first.json()["job_id"])
    for other in (["-OO"], []):
        answer = await http.post("/v1/jobs", json={**body, "interpreter_args": other}, headers=key)
        assert_problem(answer, 422, "invalid-request")


@needs("c")
async def test_a_program_is_compiled_once_for_each_list_of_words(alice: User) -> None:
    code = '#include <stdio.h>\nint main(void) { printf("%d\\n", N); }'
    printed = []
    for words in (["-DN=1"], ["-DN=2"], ["-DN=1"], ["-DN=1", "-O1"]):
        job = await alice.run("c", code, compiler_args=words)
        printed.append((job["result"]["stdout"]["content"], job["result"]["stages"][0]["cached"]))
    assert printed == [("1\n", False), ("2\n", False), ("1\n", True), ("1\n", False)]


async def test_a_session_keeps_words_and_a_run_may_have_its_own(alice: User, http: httpx.AsyncClient) -> None:
    document = {"title": "t", "language": "python", "code": "print(__debug__)", "interpreter_args": ["-O"]}
    session = (await http.post("/v1/sessions", json=document)).json()
    printed = []
    runs: tuple[dict[str, list[str]], ...] = ({}, {"interpreter_args": []})
    for run in runs:
        job = (await http.post(f"/v1/sessions/{session['session_id']}/run", json=run)).json()
        await alice.until_terminal(job["job_id"])
        found = await alice.client.get(job["job_id"])
        assert found.result is not None
        printed.append(found.result.stdout.content)
    assert printed == ["False\n", "True\n"]
    refused = await http.post(f"/v1/sessions/{session['session_id']}/run", json={"interpreter_args": ["-c"]})
    assert_problem(refused, 422, "invalid-request")


@pytest.mark.full
async def test_the_command_line_takes_them(local: User, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print(__debug__)\n")
    settings = {"HEADRACE_DATA": str(local.stack.directory)}
    words = ("--interpreter-arg", "-O", "--interpreter-arg=-Wdefault")
    ran = await headrace("run", *words, "--json", "main.py", stdin=b"", cwd=tmp_path, settings=settings)
    assert ran.code == 0, ran.stderr
    job = ran.json()
    assert job["interpreter_args"] == ["-O", "-Wdefault"]
    assert job["result"]["stdout"]["content"] == "False\n"
    sheet = await headrace("get", job["job_id"], stdin=b"", cwd=tmp_path, settings=settings)
    assert b"interpreter_argument\t-Wdefault" in sheet.stdout
    refused = await headrace(
        "run", "--compiler-arg", "-O2", "main.py", stdin=b"", cwd=tmp_path, settings=settings
    )
    assert refused.code == 2
    assert b"compiler_args of python: none" in refused.stderr

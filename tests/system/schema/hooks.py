"""Test data for the schema fuzzer: what no schema can know or say.

Languages are those that executors offer, and words for their commands those that the language allows. Names
of files are different ones, whose length is counted in bytes, and those of few jobs may be named. A key that
was used before is refused with another program. Whether a run of a session may have a standard input, or a
long time, depends on its document.
"""

import uuid
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

WALL_MS_MAX = 60_000
"""Of programs that are not interactive."""
JOB = "01890a5d-ac96-774b-bcce-b302099a8057"


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Make programs ones that this system can run, where they are meant to be good."""
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        if case.headers and "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = uuid.uuid4().hex
        body: Any = case.body
        for program in body.get("jobs", [body]) if isinstance(body, dict) else []:
            if isinstance(program, dict):
                _make_good(program)
        if isinstance(body, dict) and case.operation.path.startswith("/v1/sessions"):
            _make_one_kind(body)
    return case


def _make_good(program: dict[str, Any]) -> None:
    if isinstance(program.get("language"), str):
        program["language"] = "bash"
    files = program.get("files")
    for number, file in enumerate(files if isinstance(files, list) else []):
        file["name"] = f"{number}.sh"
        if file.get("job"):
            file["job"] = JOB
    if program.get("entrypoint") or files:
        program["entrypoint"] = "0.sh"
    if program.get("artifacts"):
        program["artifacts"] = ["*.txt"]
    if program.get("compiler_args"):
        program["compiler_args"] = []
    if program.get("interpreter_args"):
        program["interpreter_args"] = ["-e"]


def _make_one_kind(document: dict[str, Any]) -> None:
    """No session is interactive, and each run may be of any of them."""
    for name in ("interactive", "terminal", "idle_s"):
        document.pop(name, None)
    limits = document.get("limits")
    if isinstance(limits, dict) and limits.get("wall_ms"):
        limits["wall_ms"] = min(limits["wall_ms"], WALL_MS_MAX)

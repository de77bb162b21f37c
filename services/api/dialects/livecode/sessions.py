"""Code sessions over the api's sessions: created, saved in part, read and run."""

from dataclasses import dataclass

import uuid_utils
from starlette.requests import Request

from services.api.dependencies import ApiDependencies
from services.api.dialects.livecode.lanes import SessionLanes
from services.api.dialects.livecode.schemas import NewSessionBody, SavedSourceBody
from services.api.http.request_context import context_of
from services.api.jobs.file_bodies import FileBody
from services.api.jobs.submit import Submitted
from services.api.sessions.documents import Session, StoredRevision
from services.api.sessions.schemas import RunBody, SessionBody
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemError


@dataclass(frozen=True, slots=True)
class CodeSessions:
    """Sessions of the api's users, and of those without a token, each in its own lane."""

    deps: ApiDependencies
    lanes: SessionLanes

    async def create(self, body: NewSessionBody, caller: Caller) -> Session:
        """Save a new session. Raises ProblemError."""
        await self._check_language(body.language)
        session_id = str(uuid_utils.uuid7())
        return await self.deps.sessions.create(
            SessionBody(language=body.language, code=body.source),
            self.lanes.of(caller, session_id),
            session_id=session_id,
        )

    async def save(self, session_id: str, body: SavedSourceBody, caller: Caller) -> Session:
        """Save what the body names, after whatever was saved last. Raises ProblemError."""
        if body.language is not None:
            await self._check_language(body.language)

        def amended(stored: StoredRevision) -> SessionBody:
            return with_changes(body_of(bytes(stored.document)), body)

        return await self.deps.sessions.amend(session_id, amended, self.lanes.of(caller, session_id))

    async def read(self, session_id: str, caller: Caller) -> Session:
        """The session as it was saved last. Raises ProblemError (404)."""
        return await self.deps.sessions.read(session_id, self.lanes.of(caller, session_id))

    async def run(self, session_id: str, request: Request, caller: Caller) -> Submitted:
        """Run it as it was saved last; the same again, while that is unfinished, is the same execution.

        Raises ProblemError.
        """
        return await self.deps.session_runs.run(
            session_id, RunBody(), self.lanes.of(caller, session_id), context_of(request), expected=None
        )

    async def _check_language(self, name: str) -> None:
        """Raises ProblemError for a language that is not offered, once any has been."""
        catalogue = self.deps.catalogue
        if await catalogue.find(name) is None and not catalogue.is_empty:
            raise ProblemError(problems.UNKNOWN_LANGUAGE, f"no executor offers {name!r}")


def body_of(document: bytes) -> SessionBody:
    """The saved document."""
    return SessionBody.model_validate_json(document)


def source_of(body: SessionBody) -> str:
    """The program; of several files, which only the native api saves, the first one to run.

    Raises ProblemError for a file that the document names by where it is stored: shown as empty, it would be
    saved as empty.
    """
    source = body.code if body.code is not None else _main_file(body).content
    if source is None:
        raise ProblemError(problems.INVALID, "the program of this session is a stored file: use /v1/sessions")
    return source


def with_changes(body: SessionBody, changes: SavedSourceBody) -> SessionBody:
    """The document with the changes; its other fields, and other files, stay."""
    more: dict[str, object] = {} if changes.language is None else {"language": changes.language}
    if changes.source is not None and body.files is None:
        more["code"] = changes.source
    elif changes.source is not None:
        main = _main_file(body)
        changed = FileBody(name=main.name, content=changes.source)
        more["files"] = tuple(changed if file is main else file for file in body.files or ())
    return body.model_copy(update=more)


def _main_file(body: SessionBody) -> FileBody:
    """The entrypoint, or the first file if none is named."""
    files = body.files or ()
    return next((file for file in files if file.name == body.entrypoint), files[0])

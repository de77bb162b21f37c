"""Composes the application: its features, its doors, and what all of them stand behind."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import TypeVar

from fastapi import FastAPI
from starlette.applications import Starlette

from services.api.artifacts.feature import artifacts_feature
from services.api.artifacts.service import ArtifactReader
from services.api.audit.event_reader import Audit
from services.api.audit.feature import audit_feature
from services.api.dependencies import ApiDependencies
from services.api.dialects.discovery import DialectOf, find_dialects
from services.api.files.feature import files_feature
from services.api.files.references import References
from services.api.files.service import UserFiles, bytes_of_user
from services.api.http import feature, front_page, problems
from services.api.http.auth import user_id_of
from services.api.http.byte_shares import ByteShares
from services.api.http.cors import Cors
from services.api.http.door import OWN, Dialect, Dialects, Door
from services.api.http.large_responses import LargeResponses
from services.api.http.openapi.responses import HEADERS
from services.api.http.request_bodies import RequestBodies
from services.api.http.shutdown_middleware import ShutdownMiddleware
from services.api.interaction.feature import interaction_feature
from services.api.jobs.feature import jobs_feature
from services.api.jobs.queries import Queries
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter
from services.api.jobs.waiting_reason import Outlook
from services.api.languages.catalogue import Catalogue
from services.api.languages.feature import languages_feature
from services.api.operators.dead_letters import DeadLetters
from services.api.operators.erasures import Erasures
from services.api.operators.feature import operators_feature
from services.api.quotas.quotas import Quotas
from services.api.quotas.stored_bytes import Counted, Store
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.sessions.feature import sessions_feature
from services.api.sessions.kv_bucket import Bucket
from services.api.sessions.run_records import RunRecords
from services.api.sessions.runs import SessionRuns
from services.api.sessions.service import Sessions, session_bytes
from services.api.settings import ApiSettings
from services.api.usage.feature import usage_feature
from services.api.usage.report import Usage
from shared.auth import Tokens
from shared.contract.subjects import (
    ARTIFACTS,
    FILES,
    JOBS,
    SESSIONS,
    file_description,
    objects_stream,
)
from shared.jetstream.cancel import Cancellations
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.input_log import InputLog
from shared.jetstream.object_store import Objects
from shared.service.access_log import AccessLog
from shared.service.request_ids import RequestIds
from shared.service.runtime import Service
from shared.version import VERSION

App = TypeVar("App", bound=Starlette)

LOG_RESERVE_PARTS = 4
"""A quarter of the log is outside all shares, so that events of accepted jobs and tombstones always fit."""

ASKED_WITH = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("Prefer", "Repr-Digest", "X-Request-Id", "traceparent"),
)
"""Request fields that pages of other origins may send (CORS), besides the safelisted ones."""


def create_app(
    service: Service,
    settings: ApiSettings,
    tokens: Tokens,
    broker: Broker,
    standing: UnfinishedJobs,
    dialects: Sequence[DialectOf] = (),
) -> FastAPI:
    """The application over one broker connection; a follower keeps `standing` up to date.

    `dialects` are served besides those that the settings name.
    """
    app = FastAPI(
        title="Headrace",
        version=VERSION,
        description=(
            "Runs untrusted programs and keeps the whole story of every run. Clients must accept fields that "
            "are not here, and values that a schema does not list where it has `x-extensible-enum`: a later "
            "version may answer others. What a request may hold is listed whole (`enum`)."
        ),
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    log = Log(broker)
    catalogue = Catalogue(log)
    queries = Queries(broker, log)
    quotas = Quotas(standing, settings)
    bucket = Bucket(broker, log, SESSIONS)
    log_store = Store(broker, JOBS, partial(_log_bytes, queries), name="log", reserve_parts=LOG_RESERVE_PARTS)
    session_store = Store(broker, SESSIONS, partial(session_bytes, bucket), name="sessions")
    cancellations = Cancellations(log, patience_s=settings.append_patience_s)
    inputs = InputLog(broker, log, patience_s=settings.append_patience_s)
    standing.tell_ends(inputs.on_job_ended)
    waiter = JobWaiter(standing, queries, settings)
    artifacts = ArtifactReader(queries, Objects(broker, log, ARTIFACTS))
    file_store = Store(broker, objects_stream(FILES), partial(bytes_of_user, log), name="files")
    objects = Objects(broker, log, FILES, describing=file_description)
    files = UserFiles(objects, log, file_store, settings)
    references = References(files, artifacts)
    submissions = Submissions(log, catalogue, standing, quotas, log_store, references.find, settings)
    outlook = Outlook(standing, catalogue, settings)
    sessions = Sessions(bucket, session_store, settings)
    run_records = RunRecords(bucket, log, settings)
    runs = SessionRuns(sessions, run_records, submissions)
    dead_letters = DeadLetters(log, queries, patience_s=settings.append_patience_s)
    feature.include(
        app,
        (
            jobs_feature(submissions, cancellations, queries, waiter, outlook, settings),
            interaction_feature(inputs),
            sessions_feature(sessions, runs, settings),
            artifacts_feature(artifacts),
            files_feature(files),
            audit_feature(Audit(broker, log)),
            languages_feature(catalogue),
            usage_feature(
                Usage(broker, queries, standing, waiter, (log_store, session_store, file_store), settings)
            ),
            operators_feature(dead_letters, Erasures(broker, log, bucket, files.delete_all, settings)),
        ),
    )
    app.router.routes.extend(service.routes())
    front_page.install(app, settings.events_url)
    stand_behind = partial(
        _stand_behind, tokens=tokens, quotas=quotas, settings=settings, shares=_shares(settings)
    )
    stand_behind(app, OWN)
    deps = ApiDependencies(
        settings=settings,
        catalogue=catalogue,
        submissions=submissions,
        waiter=waiter,
        queries=queries,
        artifacts=artifacts,
        cancellations=cancellations,
        is_ready=service.is_ready,
        sessions=sessions,
        session_runs=runs,
        run_records=run_records,
    )
    applications: list[tuple[Dialect, Starlette]] = []
    for dialect_of in (*dialects, *find_dialects(settings.named_dialects)):
        dialect = dialect_of(deps)
        application = Starlette(routes=dialect.routes)
        # A redirect would name a path that the client of a dialect's own address does not have.
        application.router.redirect_slashes = False
        applications.append((dialect, stand_behind(application, dialect.door)))
    app.add_middleware(Dialects, applications=applications)
    app.add_middleware(AccessLog, share=settings.access_log_share, user_of=user_id_of)
    # Added last, so it is the outermost middleware: every response has its request id.
    app.add_middleware(RequestIds)
    if settings.origins:
        _answer_pages_of(app, settings.origins)
    return app


def _shares(settings: ApiSettings) -> tuple[ByteShares, ByteShares]:
    """The shares of request bodies and of responses, common to all doors."""
    bodies = ByteShares(
        "bodies",
        "your requests",
        user_bytes_max=settings.user_bodies_bytes_max,
        bytes_max=settings.bodies_bytes_max,
    )
    answers = ByteShares(
        "answers",
        "answers to you",
        user_bytes_max=settings.user_answers_bytes_max,
        bytes_max=settings.answers_bytes_max,
    )
    return bodies, answers


def _stand_behind(
    app: App,
    door: Door,
    *,
    tokens: Tokens,
    quotas: Quotas,
    settings: ApiSettings,
    shares: tuple[ByteShares, ByteShares],
) -> App:
    """Wrap an application with the middleware of its door, under the common quotas and shares."""
    bodies, answers = shares
    app.state.door = door
    app.state.tokens = tokens
    app.state.admit = quotas.admit
    problems.install(app)
    app.add_middleware(
        RequestBodies, tokens=tokens, door=door, shares=bodies, bytes_max=settings.body_bytes_max
    )
    app.add_middleware(LargeResponses, door=door, shares=answers)
    app.add_middleware(ShutdownMiddleware, door=door)
    return app


async def _log_bytes(queries: Queries, user_id: str) -> Counted | None:
    usage = await queries.usage(user_id)
    return None if usage is None else Counted(usage.log_bytes, through=usage.checkpoint)


def _answer_pages_of(app: FastAPI, origins: Collection[str]) -> None:
    """Allow pages of these origins to call every route and read every response (CORS), without cookies."""
    app.add_middleware(
        Cors,
        origins=origins,
        allow_headers=ASKED_WITH,
        expose_headers=tuple(HEADERS),
    )

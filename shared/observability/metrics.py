"""Defines every metric, and lists the metrics of each service. Served at /metrics.

A service exports its own metrics only, so that sums over services count nothing twice. Names follow the
conventions of Prometheus: base units, `_total` for counters.
"""

from collections.abc import Iterable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from shared.version import VERSION

disable_created_metrics()  # type: ignore[no-untyped-call]  # the package has no type for it

RUNS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Histogram buckets for run times of programs, in seconds."""

BROKER_ERRORS = Counter(
    "headrace_broker_errors_total", "Errors that the broker client reported asynchronously", registry=None
)
BROKER_REFUSED = Counter(
    "headrace_broker_refused_total",
    "What this service tried and its NATS user may not do; healthy is 0",
    registry=None,
)
APPENDS = Counter("headrace_appends_total", "Events appended to the log", ["type"], registry=None)
CONFLICTS = Counter(
    "headrace_append_conflicts_total", "Appends refused because another event came first", registry=None
)
POISON = Counter(
    "headrace_poison_total", "Stored messages that no version can decode", ["reader"], registry=None
)
UNKNOWN = Counter(
    "headrace_unknown_events_total", "Stored events newer than this program", ["reader"], registry=None
)
FOLLOWER_RESTARTS = Counter(
    "headrace_follower_restarts_total", "Times a follower began again", ["stream"], registry=None
)
FOLLOWER_POSITION = Gauge(
    "headrace_follower_position", "Last stream sequence a follower handled", ["stream"], registry=None
)
ATTEMPTS = Counter("headrace_attempts_total", "Attempts begun", ["language"], registry=None)
FINISHED = Counter("headrace_finished_total", "Terminal events written", ["status"], registry=None)
EXPIRED = Counter(
    "headrace_expired_total", "Tombstones written for jobs that are gone", ["reason"], registry=None
)
FENCED = Counter(
    "headrace_fenced_total",
    "Late results refused: another attempt was begun, or ended the job",
    registry=None,
)
JOBS_HELD = Gauge("headrace_jobs_held", "Deliveries held by this executor", registry=None)
JOBS_PARKED = Gauge(
    "headrace_jobs_parked",
    "Deliveries given back for a while that wait far back in their lane",
    registry=None,
)
JOBS_UNFINISHED = Gauge(
    "headrace_jobs_unfinished", "Unfinished jobs of all users, as the log tells", registry=None
)
JOBS_STARTABLE = Gauge(
    "headrace_jobs_startable", "Of those, jobs that may start and that nobody has begun", registry=None
)
LANES = Gauge("headrace_lanes", "Users with an unfinished job", registry=None)
OLDEST_QUEUED = Gauge(
    "headrace_oldest_queued_age_seconds", "Age of the oldest job that nobody has begun", registry=None
)
OLDEST_STARTABLE = Gauge(
    "headrace_oldest_startable_age_seconds", "Age of the job that could have begun first", registry=None
)
GIVEN_BACK = Counter(
    "headrace_given_back_total", "Deliveries given back unfinished, by reason", ["why"], registry=None
)
SLOTS = Gauge("headrace_slots", "Programs that this executor runs at a time", registry=None)
JOBS_EXECUTING = Gauge("headrace_jobs_executing", "Attempts under way in this executor", registry=None)
CELLS_FAILED = Counter(
    "headrace_cells_failed_total", "Cells that could not be made, for a job or a trial", ["of"], registry=None
)
CELLS_UNAVAILABLE = Gauge(
    "headrace_cells_unavailable", "1 while this executor cannot make cells", registry=None
)
COMPILE_CACHE = Counter(
    "headrace_compile_cache_total",
    "Programs whose product was at hand (hit) or not (miss)",
    ["result"],
    registry=None,
)
ARTIFACTS = Counter("headrace_artifacts_total", "Files stored for jobs", registry=None)
INPUT_STORED = Counter(
    "headrace_input_stored_total", "Messages of input that were stored for jobs", ["type"], registry=None
)
FEED_LOST = Counter("headrace_feed_lost_total", "Output notes that the feed did not take", registry=None)
QUEUE_WAIT = Histogram(
    "headrace_queue_wait_seconds", "From accepted to begun, as recorded in job.running", registry=None
)
WAITS = Gauge("headrace_waits", "Requests that wait for a job to end", registry=None)
REFUSED = Counter("headrace_refused_total", "Requests refused because of a quota", ["why"], registry=None)
SUBSCRIPTIONS_BEHIND = Counter(
    "headrace_subscriptions_behind_total",
    "Times a live subscription's client had no room, so it went on from the log",
    registry=None,
)
SHARES_REFUSED = Counter(
    "headrace_shares_refused_total",
    "What was not stored because its user holds his share already",
    ["store"],
    registry=None,
)
CONNECTIONS = Gauge(
    "headrace_connections", "Open connections of clients, over WebSocket and SSE", registry=None
)
HTTP_CONNECTIONS = Gauge(
    "headrace_http_connections",
    "Open connections, counted to an address or to a user",
    ["counted"],
    registry=None,
)
HTTP_REFUSED = Counter(
    "headrace_http_refused_total", "Connections ended before an answer, by reason", ["why"], registry=None
)
HTTP_REQUESTS = Counter(
    "headrace_http_requests_total",
    "Requests answered, by the path of their route",
    ["method", "route", "status"],
    registry=None,
)
HTTP_DURATION = Histogram(
    "headrace_http_request_duration_seconds",
    "From a request's head to the end of its answer",
    ["method", "route"],
    registry=None,
)
APPEND_DURATION = Histogram(
    "headrace_append_duration_seconds", "From an append to the log to its answer", registry=None
)
JOB_DURATION = Histogram(
    "headrace_job_duration_seconds",
    "What all stages of an ended job took together",
    ["language", "status"],
    buckets=RUNS,
    registry=None,
)
FOLLOWER_LAG = Gauge(
    "headrace_follower_lag_seconds",
    "How long ago a follower last had everything of its stream; 0 while it has",
    ["stream"],
    registry=None,
)
CELLS_READY = Gauge("headrace_cells_ready", "Cells that wait for a job", registry=None)
QUEUED_BYTES = Gauge("headrace_queued_bytes", "What waits in memory for clients to read it", registry=None)
BUILD = Info("headrace_build", "Which program this is", registry=None)

EVERYWHERE = (
    *(BUILD, BROKER_ERRORS, BROKER_REFUSED, HTTP_CONNECTIONS, HTTP_REFUSED),
    *(FOLLOWER_RESTARTS, FOLLOWER_POSITION, FOLLOWER_LAG, POISON, UNKNOWN),
)
APPENDING = (APPENDS, CONFLICTS, APPEND_DURATION)
ANSWERING = (HTTP_REQUESTS, HTTP_DURATION, REFUSED)
BY_SERVICE: dict[str, tuple[MetricWrapperBase, ...]] = {
    "api": (*EVERYWHERE, *APPENDING, *ANSWERING, WAITS, EXPIRED, SHARES_REFUSED, INPUT_STORED),
    "notifier": (
        *(*EVERYWHERE, *APPENDING, *ANSWERING, CONNECTIONS, SUBSCRIPTIONS_BEHIND),
        *(QUEUED_BYTES, INPUT_STORED),
    ),
    "projector": (*EVERYWHERE, *APPENDING, EXPIRED),
    "executor": (
        *(*EVERYWHERE, *APPENDING, ATTEMPTS, FINISHED, FENCED, JOB_DURATION, QUEUE_WAIT, GIVEN_BACK),
        *(JOBS_HELD, JOBS_PARKED, JOBS_UNFINISHED, JOBS_STARTABLE, JOBS_EXECUTING, LANES),
        *(OLDEST_QUEUED, OLDEST_STARTABLE, SLOTS, CELLS_READY, CELLS_FAILED, CELLS_UNAVAILABLE),
        *(COMPILE_CACHE, ARTIFACTS, FEED_LOST, SHARES_REFUSED),
    ),
}


def registry_of(service: str) -> CollectorRegistry:
    """The registry of a service: its own metrics, and those of its process and its interpreter."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    BUILD.info({"version": VERSION, "service": service})
    own: Iterable[Any] = BY_SERVICE.get(service, EVERYWHERE)
    for metric in own:
        registry.register(metric)
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """The registry in the text format of Prometheus."""
    return generate_latest(registry)

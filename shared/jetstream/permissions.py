"""What each service may say to NATS: exactly what its code does (docs/security-of-the-log.md).

The configuration of every server is made from this table, the deployed one and the local one. The name of a
user is the name of its service, and its inboxes begin with it, so no service hears another's answers.
"""

from dataclasses import dataclass

from shared.contract.subjects import (
    ARTIFACTS,
    DEAD,
    DEAD_ADVISORIES,
    EXECUTOR_DURABLE,
    EXECUTOR_SUBJECTS,
    EXECUTORS,
    EXPIRED_KIND,
    FEED,
    FEED_SUBJECTS,
    JOBS,
    JOBS_SUBJECTS,
    LANGUAGE_SUBJECTS,
    LANGUAGES,
    QUEUED_SUBJECTS,
    SESSIONS,
    SESSIONS_SUBJECTS,
    TERMINAL_KINDS,
    VIEW_DEAD,
    VIEW_JOB,
    VIEW_JOBS,
    VIEW_QUEUE,
    VIEW_STATS,
    VIEW_USAGE,
    events_of_kind,
    objects_stream,
    objects_subjects,
)

FILES = objects_stream(ARTIFACTS)
STREAMS = (JOBS, DEAD, FEED, EXECUTORS, LANGUAGES, SESSIONS, FILES)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one NATS user may publish, but for what is denied, and what it may subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    denied: tuple[str, ...] = ()


def _api(*operations: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{operation}" for operation in operations)


def _events(*kinds: str) -> tuple[str, ...]:
    return tuple(events_of_kind(kind) for kind in kinds)


def _reads(stream: str) -> tuple[str, ...]:
    """Single messages and ranges, by `shared.jetstream.event_log`."""
    return _api(f"STREAM.MSG.GET.{stream}", f"DIRECT.GET.{stream}")


def _follows(stream: str) -> tuple[str, ...]:
    """A reader of its own (`jetstream.follower`): named, so that the durable's name can be denied to it."""
    return (
        *_reads(stream),
        *_api(
            f"STREAM.INFO.{stream}",
            f"CONSUMER.CREATE.{stream}.*",
            f"CONSUMER.MSG.NEXT.{stream}.*",
            f"CONSUMER.DELETE.{stream}.*",
        ),
    )


_DURABLE = f"{JOBS}.{EXECUTOR_DURABLE}"
_CHANGING_THE_DURABLE = _api(f"CONSUMER.CREATE.{_DURABLE}", f"CONSUMER.DELETE.{_DURABLE}")
_TAKING_FROM_THE_DURABLE = (*_CHANGING_THE_DURABLE, *_api(f"CONSUMER.MSG.NEXT.{_DURABLE}"))

RIGHTS = {
    # Makes and changes streams and the durable, and deletes nothing.
    "provisioner": Rights(
        publish=(
            *_api(
                *(f"STREAM.{what}.{stream}" for stream in STREAMS for what in ("INFO", "CREATE", "UPDATE"))
            ),
            # They are made anew where one replica becomes three: what they hold may be lost.
            *_api(f"STREAM.DELETE.{FEED}", f"STREAM.DELETE.{EXECUTORS}"),
            *_api(f"CONSUMER.INFO.{_DURABLE}", f"CONSUMER.CREATE.{_DURABLE}.{QUEUED_SUBJECTS}"),
        ),
        subscribe=("_INBOX_provisioner.>",),
    ),
    "api": Rights(
        publish=(
            *_events("queued", "cancel_requested", "cancelled", EXPIRED_KIND),
            SESSIONS_SUBJECTS,
            VIEW_JOB,
            VIEW_JOBS,
            VIEW_DEAD,
            VIEW_USAGE,
            *_follows(JOBS),
            # Where the log is read from, so that unfinished jobs are counted.
            *_api(f"CONSUMER.INFO.{_DURABLE}"),
            *_reads(DEAD),
            *_api(f"DIRECT.GET.{EXECUTORS}", f"DIRECT.GET.{LANGUAGES}"),
            *_reads(FILES),
            # What users hold of it, and how much is left.
            *_api(f"STREAM.INFO.{FILES}"),
            *_reads(SESSIONS),
            *_api(
                f"STREAM.INFO.{SESSIONS}",
                f"CONSUMER.CREATE.{SESSIONS}.*.{SESSIONS_SUBJECTS}",
                f"CONSUMER.MSG.NEXT.{SESSIONS}.*",
                f"CONSUMER.DELETE.{SESSIONS}.*",
                # Deleted sessions, and those and the notes of an erased user.
                f"STREAM.PURGE.{SESSIONS}",
                f"STREAM.PURGE.{FEED}",
            ),
        ),
        denied=_TAKING_FROM_THE_DURABLE,
        subscribe=("_INBOX_api.>",),
    ),
    "executor": Rights(
        publish=(
            *_events("running", *TERMINAL_KINDS),
            "feed.*.*.output",
            "feed.*.*.progress",
            # How full the feed is.
            *_api(f"STREAM.INFO.{FEED}"),
            EXECUTOR_SUBJECTS,
            LANGUAGE_SUBJECTS,
            *objects_subjects(ARTIFACTS),
            # What a user holds of that store, and how much of it is left.
            VIEW_USAGE,
            *_api(f"STREAM.INFO.{FILES}"),
            *_follows(JOBS),
            *_api(f"CONSUMER.INFO.{_DURABLE}"),
            # Answers to deliveries, in the form of this server and in that of the next.
            f"$JS.ACK.{_DURABLE}.>",
            f"$JS.ACK.*.*.{_DURABLE}.>",
            # Files that were half stored, or whose job did not end as they say, are taken back.
            *_api(f"STREAM.MSG.GET.{FILES}", f"STREAM.PURGE.{FILES}"),
        ),
        denied=_CHANGING_THE_DURABLE,
        subscribe=("_INBOX_executor.>",),
    ),
    "projector": Rights(
        publish=(
            *_events(EXPIRED_KIND),
            *_follows(JOBS),
            # What a tombstone stands for.
            *_api(f"STREAM.PURGE.{JOBS}", f"STREAM.MSG.GET.{FILES}", f"STREAM.PURGE.{FILES}"),
            # Answers to questions. Readers' inboxes have one token, and none can be guessed.
            "_INBOX_api.*.*",
            "_INBOX_executor.*.*",
        ),
        denied=_TAKING_FROM_THE_DURABLE,
        subscribe=(
            "_INBOX_projector.>",
            *(
                f"{subject} {VIEW_QUEUE}"
                for subject in (VIEW_JOB, VIEW_JOBS, VIEW_STATS, VIEW_DEAD, VIEW_USAGE)
            ),
        ),
    ),
    "notifier": Rights(
        publish=(*_events("cancel_requested", "cancelled"), *_follows(JOBS), *_follows(FEED)),
        denied=_TAKING_FROM_THE_DURABLE,
        subscribe=("_INBOX_notifier.>",),
    ),
    # For people who watch. No question to JetStream is harmless: whoever asks says where the answer goes.
    "observer": Rights(publish=(), subscribe=(JOBS_SUBJECTS, FEED_SUBJECTS, DEAD_ADVISORIES)),
}
"""By the name of the NATS user."""

"""How `headrace.v1` writes what the core tells: one text frame for each event, announcement and refusal."""

from typing import assert_never

from services.notifier.events import outcomes
from services.notifier.events.item import EncodedEvent
from services.notifier.events.outcomes import Announcement, Ended, Refused, Started
from services.notifier.transports.headrace_v1.messages import (
    Complete,
    ErrorShown,
    EventShown,
    Gap,
    Subscribed,
    encode_message,
)
from services.notifier.transports.headrace_v1.refusals import RETRY_AFTER_S


class HeadraceV1Encoding:
    """Text frames of `headrace.v1`. Each has the id of its subscription in it."""

    def event(self, event: EncodedEvent, subscription_id: str) -> bytes:
        """The message `event`."""
        return encode_message(EventShown(id=subscription_id, event=event.raw))

    def announcement(self, announcement: Announcement, subscription_id: str) -> bytes:
        """The message `subscribed`, `gap` or `complete`."""
        match announcement:
            case Started(begin, end, is_whole):
                return encode_message(
                    Subscribed(id=subscription_id, recovered=is_whole, from_=str(begin), to=str(end))
                )
            case outcomes.Gap(begin, end, reason):
                return encode_message(Gap(id=subscription_id, from_=str(begin), to=str(end), reason=reason))
            case Ended():
                return encode_message(Complete(id=subscription_id))
        assert_never(announcement)


ENCODING = HeadraceV1Encoding()


def error_of(refused: Refused, subscription_id: str) -> ErrorShown:
    """The message `error` for a subscription that cannot be shown."""
    return ErrorShown(
        id=subscription_id,
        code=refused.reason,
        detail=refused.detail,
        temporary=refused.is_temporary,
        retry_after=RETRY_AFTER_S if refused.is_temporary else None,
    )

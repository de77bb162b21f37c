"""How long a body may take: little a minute, more as long as it comes, and no time that it was not read."""

import pytest

from shared.service.http_server.pace import LARGE_BODY_BYTES_PER_S, BodyPace
from shared.service.http_server.refusals import SLOW_BODY, STALLED_BODY
from shared.settings import HttpSettings

SETTINGS = HttpSettings()


@pytest.fixture
def pace() -> BodyPace:
    begun = BodyPace(SETTINGS)
    begun.begin(100.0)
    return begun


def test_a_body_at_the_least_rate_has_the_total_time(pace: BodyPace) -> None:
    for second in range(int(SETTINGS.http_body_s)):
        pace.received += 2 * SETTINGS.http_bytes_per_s
        assert pace.refusal(100.0 + second) is None
    assert pace.refusal(101.0 + SETTINGS.http_body_s) is SLOW_BODY


def test_a_large_body_has_more_as_long_as_it_comes(pace: BodyPace) -> None:
    for second in range(600):
        pace.received += LARGE_BODY_BYTES_PER_S
        assert pace.refusal(100.0 + second) is None
    assert pace.refusal(700.0 + SETTINGS.http_progress_s) is None
    assert pace.refusal(700.0 + 2 * SETTINGS.http_progress_s) is STALLED_BODY


def test_time_in_which_it_was_not_read_does_not_count(pace: BodyPace) -> None:
    assert pace.refusal(101.0) is None
    for second in range(2, 600):
        pace.pause(100.0 + second)
    pace.received += 10 * SETTINGS.http_bytes_per_s
    assert pace.refusal(700.0) is None
    assert pace.refusal(700.0 + SETTINGS.http_body_s) is SLOW_BODY

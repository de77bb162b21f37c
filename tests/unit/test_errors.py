"""What a refusal says."""

import pytest

from headrace.client.errors import ProblemAnswerError


@pytest.mark.parametrize(
    ("title", "detail", "said"),
    [
        ("You have no job of this id", "you have no job of this id", "You have no job of this id"),
        (
            "The job has already ended",
            "the job has already ended as failed",
            "The job has already ended as failed",
        ),
        ("The request breaks a rule", "limits: too much", "The request breaks a rule: limits: too much"),
        ("The service failed", None, "The service failed"),
        (None, "it did", "it did"),
        (None, None, "the service refused, and did not say why"),
    ],
)
def test_nothing_is_said_twice(title: str | None, detail: str | None, said: str) -> None:
    document = {name: text for name, text in (("title", title), ("detail", detail)) if text is not None}
    assert str(ProblemAnswerError(document)) == said

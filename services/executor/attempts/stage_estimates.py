"""Estimates the duration of a language's stages: a running mean of this executor's own measurements."""

from shared.domain.enumerations import StageName

WEIGHT = 0.2
"""Weight of the newest measurement: recent programs predict the next one better than old ones."""


class Estimates:
    """Mean wall time per language and stage, in seconds."""

    def __init__(self) -> None:
        """Start without measurements."""
        self._means: dict[tuple[str, StageName], float] = {}

    def seconds(self, language: str, stage: StageName) -> float | None:
        """The mean so far; None before the first measurement."""
        mean = self._means.get((language, stage))
        return None if mean is None else round(mean, 3)

    def learn(self, language: str, stage: StageName, seconds: float) -> None:
        """Add one measurement."""
        mean = self._means.get((language, stage), seconds)
        self._means[language, stage] = mean + WEIGHT * (seconds - mean)

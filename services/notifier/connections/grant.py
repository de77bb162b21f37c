"""What an accepted token gives. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grant:
    """Who calls, and for how long; `lasts_s` includes the verifier's leeway.

    `shares` are those that the token claims, by claim.
    """

    user_id: str
    expires_in: int
    lasts_s: float
    shares: Mapping[str, int] = field(default_factory=dict)

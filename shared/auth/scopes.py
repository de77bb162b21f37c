"""Scopes of a provider's user: the default ones, and those that a claim of the token names."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.auth.claims import SCOPES, Claims, words_claim
from shared.auth.provider_profiles import refuse, words_of
from shared.settings import TokenSettings


@dataclass(frozen=True, slots=True)
class ScopeRules:
    """`names` maps words of the claim to scopes; other words are ignored."""

    everybody: frozenset[str]
    claim: str
    names: Mapping[str, str]

    def of(self, claims: Claims) -> frozenset[str]:
        """The user's scopes. Raises TokenError for a claim that is not words."""
        if not self.claim:
            return self.everybody
        named = words_claim(claims, self.claim)
        return self.everybody | {scope for word, scope in self.names.items() if word in named}


def scope_rules(settings: TokenSettings) -> ScopeRules:
    """The rules of the settings. Raises SettingsError."""
    everybody = frozenset(words_of(settings.token_provider_scopes))
    if not everybody <= SCOPES:
        unknown = min(everybody - SCOPES)
        raise refuse("token_provider_scopes", f"the scopes are {', '.join(sorted(SCOPES))}", unknown)
    names: dict[str, str] = {}
    for pair in words_of(settings.token_provider_scope_names):
        word, _, scope = pair.rpartition("=")
        if not word or scope not in SCOPES:
            why = f"write word=scope, with the scopes {', '.join(sorted(SCOPES))}"
            raise refuse("token_provider_scope_names", why, pair)
        names[word] = scope
    return ScopeRules(
        everybody, settings.token_provider_scope_claim, names or {scope: scope for scope in SCOPES}
    )

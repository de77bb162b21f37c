"""Checks the settings of an identity provider when a service starts."""

from shared.auth.provider_profiles import DESCRIBING, profile_of, refuse, url_error
from shared.auth.scopes import scope_rules
from shared.settings import TokenSettings


def check_provider(settings: TokenSettings) -> None:
    """Raises SettingsError for incomplete provider settings, or for settings of a provider that is off."""
    if settings.token_provider == "local":
        for field in DESCRIBING:
            if getattr(settings, field):
                raise refuse(field, "it is set, and HEADRACE_TOKEN_PROVIDER is local: no provider is asked")
        return
    profile = profile_of(settings)
    scope_rules(settings)
    # It imports an HTTP client, which a service without a provider does not need: a fifth of its start.
    from shared.auth.jwks_client import check_url  # noqa: PLC0415

    try:
        check_url(profile.keys_url)
    except ValueError as error:
        raise url_error(profile, error) from None

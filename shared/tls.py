"""TLS to NATS: whom this process believes, and what it shows of itself.

Encryption begins before a word is said (the server has `handshake_first`). Where a server says first that it
wants TLS, whoever sits in between can leave that out, and is told the password.
"""

import ssl

from shared.settings import BrokerSettings, SettingsError


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """None for a connection without TLS. Raises SettingsError, which names the file that is wrong."""
    authority, certificate, key = settings.nats_tls_ca, settings.nats_tls_cert, settings.nats_tls_key
    if key and not certificate:
        raise SettingsError("HEADRACE_NATS_TLS_KEY is set and HEADRACE_NATS_TLS_CERT is not")
    if not (authority or certificate or "tls://" in settings.nats_url):
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except OSError as error:
        raise SettingsError(f"HEADRACE_NATS_TLS_CA: {authority}: {error}") from error
    if certificate:
        try:
            context.load_cert_chain(certificate, key or None)
        except OSError as error:
            raise SettingsError(f"HEADRACE_NATS_TLS_CERT: {certificate}: {error}") from error
    return context

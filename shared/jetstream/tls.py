"""TLS to NATS: whom this process believes, and what it shows of itself.

Encryption begins before a word is said (the server has `handshake_first`). Where a server says first that it
wants TLS, whoever sits in between can leave that out, and is told the password.
"""

import ssl

from shared.settings import BrokerSettings, refused


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """None for a connection without TLS. Raises SettingsError, which names the file that is wrong."""
    authority, certificate, key = settings.nats_tls_ca, settings.nats_tls_cert, settings.nats_tls_key
    settings.refuse_alone("nats_tls_key", "nats_tls_cert")
    if not (authority or certificate or "tls://" in settings.nats_url):
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except OSError as error:
        allowed = "a file with certificates (PEM)"
        raise refused("HEADRACE_NATS_TLS_CA", authority, allowed, _why(error)) from error
    if certificate:
        try:
            # Without a password OpenSSL would ask a terminal for that of an encrypted key.
            context.load_cert_chain(certificate, key or None, password=_no_password)
        except OSError as error:
            variable = "HEADRACE_NATS_TLS_CERT"
            files = f"{certificate}, {key}" if key else certificate
            if key:
                variable += ", HEADRACE_NATS_TLS_KEY"
            allowed = "a certificate and its key (PEM), which is not encrypted"
            raise refused(variable, files, allowed, _why(error)) from error
    return context


def _no_password() -> str:
    return ""


def _why(error: OSError) -> str:
    """OpenSSL names its own source file and line, which is nobody's file."""
    return str(error.strerror or error) if isinstance(error, ssl.SSLError) else str(error)

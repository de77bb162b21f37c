"""TLS to NATS: the trusted certificate authorities, and the client certificate of this process.

TLS starts before any protocol message (the server has `handshake_first`). If the server announced TLS in its
INFO first, an attacker in between could remove that and receive the password.
"""

import ssl

from shared.settings import BrokerSettings, invalid_value


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """The TLS context; None for a connection without TLS. Raises SettingsError, which names the bad file."""
    authority, certificate, key = settings.nats_tls_ca, settings.nats_tls_cert, settings.nats_tls_key
    settings.refuse_alone("nats_tls_key", "nats_tls_cert")
    if not (authority or certificate or "tls://" in settings.nats_url):
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except OSError as error:
        allowed = "a file with certificates (PEM)"
        raise invalid_value("HEADRACE_NATS_TLS_CA", authority, allowed, _why(error)) from error
    if certificate:
        try:
            # Without `password`, OpenSSL would prompt on a terminal for an encrypted key.
            context.load_cert_chain(certificate, key or None, password=_no_password)
        except OSError as error:
            variable = "HEADRACE_NATS_TLS_CERT"
            files = f"{certificate}, {key}" if key else certificate
            if key:
                variable += ", HEADRACE_NATS_TLS_KEY"
            allowed = "a certificate and its key (PEM), which is not encrypted"
            raise invalid_value(variable, files, allowed, _why(error)) from error
    return context


def _no_password() -> str:
    return ""


def _why(error: OSError) -> str:
    """The error's reason, without OpenSSL's own source file and line."""
    return str(error.strerror or error) if isinstance(error, ssl.SSLError) else str(error)

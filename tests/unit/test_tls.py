"""Files of TLS that a setting names."""

from pathlib import Path

import pytest

from shared.jetstream.tls import tls_context
from shared.settings import BrokerSettings, SettingsError
from tests.integration.certificates import Authority


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    ours = Authority().write(tmp_path / "tls", address="127.0.0.1")
    missing = str(tmp_path / "missing.pem")
    with pytest.raises(SettingsError, match=f"HEADRACE_NATS_TLS_CA: '{missing}'"):
        tls_context(BrokerSettings(nats_tls_ca=missing))
    with pytest.raises(SettingsError, match=f"HEADRACE_NATS_TLS_CERT: '{missing}'"):
        tls_context(BrokerSettings(nats_tls_cert=missing))
    with pytest.raises(SettingsError, match="HEADRACE_NATS_TLS_CERT is not"):
        tls_context(BrokerSettings(nats_tls_key=str(ours / "key.pem")))
    assert tls_context(BrokerSettings()) is None

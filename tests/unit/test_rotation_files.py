"""The compose file for a changed token secret gives it to those that check tokens, and to no other."""

from pathlib import Path

import yaml

from headrace.local.supervisor import FACING_CLIENTS

DEPLOY = Path(__file__).parents[2] / "deploy"
FILE = "/run/secrets/token_secret_previous"


def test_the_previous_secret_reaches_the_api_and_the_notifier_as_the_present_one_does() -> None:
    more = yaml.safe_load((DEPLOY / "compose.rotate.yaml").read_text())
    assert set(more["services"]) == FACING_CLIENTS
    usual = yaml.safe_load((DEPLOY / "services.yaml").read_text())["services"]
    for name, service in more["services"].items():
        assert service["environment"] == {"HEADRACE_TOKEN_SECRET_PREVIOUS_FILE": FILE}
        assert service["secrets"] == ["token_secret_previous"]
        assert usual[name]["environment"]["HEADRACE_TOKEN_SECRET_FILE"] == FILE.removesuffix("_previous")
    for stack in ("compose.yaml", "compose.cluster.yaml"):
        present = yaml.safe_load((DEPLOY / stack).read_text())["secrets"]["token_secret"]["file"]
        assert more["secrets"] == {"token_secret_previous": {"file": f"{present}_previous"}}

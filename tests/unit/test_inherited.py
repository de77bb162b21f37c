"""What a local stack takes of the environment that it is started in, and what it says of the rest."""

from headrace.local.inherited import OWN, inherit
from headrace.local.managed import last_message
from shared.settings.names import CLIENT, DEPLOYMENT, SECRET_FILES, SERVICES


def test_settings_of_services_are_passed_on_and_nothing_else() -> None:
    inherited = inherit({"HEADRACE_SLOTS": "3", "HEADRACE_WALL_MS_MAX": "5", "PATH": "/bin", "SLOTS": "9"})
    assert inherited.settings == {"HEADRACE_SLOTS": "3", "HEADRACE_WALL_MS_MAX": "5"}
    assert not list(inherited.lines())


def test_what_the_stack_makes_itself_is_named_in_one_line_and_never_shown() -> None:
    inherited = inherit(
        {
            "HEADRACE_TOKEN_SECRET": "hunter2",
            "HEADRACE_NATS_PASSWORD_FILE": "/hunter2",
            "HEADRACE_API_PORT": "80",
            "HEADRACE_NATS_URL": "nats://elsewhere",
        }
    )
    assert not inherited.settings
    assert list(inherited.lines()) == [
        (
            "not passed on, because a local stack makes it itself: HEADRACE_API_PORT (use --api-port), "
            "HEADRACE_NATS_PASSWORD_FILE, HEADRACE_NATS_URL, HEADRACE_TOKEN_SECRET"
        )
    ]


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    inherited = inherit({"HEADRACE_SLOT": "3", "HEADRACE_QQQQQQ": ""})
    assert not inherited.settings
    assert list(inherited.lines()) == [
        "HEADRACE_QQQQQQ is no setting",
        "HEADRACE_SLOT is no setting: did you mean HEADRACE_SLOTS?",
    ]


def test_what_the_client_and_the_deployment_read_is_neither_passed_on_nor_told() -> None:
    inherited = inherit(dict.fromkeys(CLIENT | DEPLOYMENT, "x"))
    assert not inherited.settings
    assert not list(inherited.lines())


def test_every_setting_of_a_service_is_passed_on_or_the_stack_s_own() -> None:
    everything = SERVICES | SECRET_FILES
    inherited = inherit(dict.fromkeys(everything, "x"))
    assert everything >= OWN
    assert {*inherited.settings, *inherited.own} == everything
    assert not inherited.settings.keys() & set(inherited.own)


def test_the_last_words_of_a_log_are_its_error() -> None:
    assert last_message("") == "nothing"
    assert last_message("first\nTraceback: it broke\n") == "Traceback: it broke"
    assert (
        last_message('first\n{"event": "service_failed", "error": "a port is in use"}\n')
        == "a port is in use"
    )
    assert last_message('{"event": "listening"}\n') == '{"event": "listening"}'
    assert last_message("[1]\n") == "[1]"

"""All commands, each with its module and its line in `headrace --help`. Pure.

The line is repeated here so that help imports no command's module; it is the first of the command's
docstring.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROGRAM_LAST = {"allow_interspersed_args": False}
"""For a command whose options end at its first argument, or at ``--``: all that follows is the program's."""


@dataclass(frozen=True, slots=True)
class Row:
    """A command; `module` of this package has its function, or its own commands, by the same name."""

    name: str
    module: str
    line: str
    settings: Mapping[str, Any] = field(default_factory=dict)


TABLE = (
    Row(
        "up",
        "stacks",
        "Start nats-server and the four services, and keep them running until Ctrl-C or `headrace down`.",
    ),
    Row("down", "stacks", "Stop the stack of --data, and wait until it has ended; 0 also where none runs."),
    Row(
        "clean", "stacks", "Remove the data of a stopped stack for good: its jobs, their files, its secrets."
    ),
    Row("status", "overview", "Tell which Headrace is asked, and what you hold of it; 2 where none answers."),
    Row(
        "languages",
        "overview",
        "List the languages that programs may be in; one is offline while no executor has it.",
    ),
    Row("run", "programs", "Run one file, with standard input, and end with its exit code.", PROGRAM_LAST),
    Row(
        "submit",
        "programs",
        "Submit one file and print its job id; standard input is read with --stdin - alone.",
        PROGRAM_LAST,
    ),
    Row(
        "attach",
        "job_commands",
        "Talk with a running program that was submitted as interactive, and end with its exit code.",
    ),
    Row("get", "job_commands", "Show all of one job."),
    Row("wait", "job_commands", "Wait until one job has ended, and end with its exit code."),
    Row("ls", "job_commands", "List jobs, newest first."),
    Row("cancel", "job_commands", "Stop one job."),
    Row(
        "logs",
        "job_commands",
        "Write what a job has printed, byte by byte: its standard output to ours, "
        "its standard error to ours.",
    ),
    Row(
        "events",
        "job_commands",
        "Show one job's history; with -f its output too, until it ends. Without a job, -f begins now.",
    ),
    Row("artifacts", "job_commands", "List the files that a job left, and download them with --output."),
    Row("replay", "history_commands", "Read all events back from the log, in order."),
    Row(
        "export",
        "history_commands",
        "Write a history to a file that `headrace verify` can check; it is there when it is whole.",
    ),
    Row(
        "verify",
        "history_commands",
        "Check a history file: 0 if it is what was exported, 1 if not, 2 if that could not be told.",
    ),
    Row("sessions", "sessions", "List and read saved documents."),
    Row(
        "dead-letters",
        "operators",
        "List jobs whose executor was lost too often, of all users, newest first; needs the scope ops.",
    ),
    Row(
        "retry",
        "operators",
        "Submit a dead letter's program again for its user, once, and print the new id; needs the scope ops.",
    ),
    Row("erase", "operators", "Erase one user for good, and say what remains; needs the scope ops."),
    Row("token", "local_commands", "Issue a token for the local stack."),
    Row(
        "demo",
        "local_commands",
        "Run real programs, show their events as they happen, then replay them from the log and compare.",
    ),
    Row("doctor", "local_commands", "Tell what this machine offers, and what would be refused here."),
)

# What there is to do, by `./just RECIPE`, and every gate of the project. CI runs `lint`, `demo`, `coverage`, `test`,
# `test-rest` and `containers`; nothing else decides.

set positional-arguments

# List what there is.
default:
    @just --list --unsorted

# Show what Headrace does: real programs, their events, and the same history read back from the log.
demo *arguments:
    @exec headrace demo "$@"

# Start a stack and keep it running until Ctrl-C; prints its URLs and a token.
up *arguments:
    @exec headrace up "$@"

# Format the code.
format:
    ruff format .
    ruff check --fix .

# Style alone, in seconds: what runs before each commit (.pre-commit-config.yaml).
style:
    ruff format --check .
    ruff check .
    python -m tests.prose

# Style, types, and the rules of the architecture.
lint: style
    mypy
    mypy examples
    lint-imports

# Tests of every kind, of every service, crash and attack: a few minutes on two processors.
test *arguments:
    @exec python -m tests.tiers small "$@"

# The tests that `test` leaves out: the same crashes, attacks, languages and sizes in all their variants.
test-rest *arguments:
    @exec python -m tests.tiers rest "$@"

# Every test but those of containers.
test-all *arguments:
    @exec python -m tests.tiers all "$@"

# How much of each package the unit and contract tests reach, and that it is no less than before.
coverage:
    pytest -q -n auto --dist worksteal --timeout 600 --asyncio-debug --cov --cov-report= tests/unit tests/contract -k "not official_parser"
    python -m tests.coverage_floors

# Everything that must be green before a commit.
check: lint test

# The benchmarks, each ending in its RATIO line. Nothing else should run meanwhile.
bench:
    python -m bench.latency
    python -m bench.throughput
    python -m bench.sandbox
    python -m bench.fairness
    python -m bench.scale
    python -m bench.submit
    python -m bench.rebuild
    python -m bench.history
    python -m bench.fanout
    python -m bench.resume
    python -m bench.audit
    python -m bench.dialects
    python -m bench.one_stream
    python -m bench.sharded
    python -m bench.input

# What services of this kind do not publish: from a submission to its first byte and its end, 1 to 64 clients, beside
# a bare interpreter and any other service that is named (`--against piston=http://…`). A table and a plot.
published *arguments:
    @exec python -m bench.published "$@"

# Every attack that we know of, for real: as whoever runs it, and where that is root, as an ordinary user too.
security *arguments:
    pytest --asyncio-debug tests/security "$@"

# What docs/languages.md says of each language, made anew from the language files.
docs:
    python -m tests.language_page

# The images and the compose files, for real: with an engine of their own where there is none. Takes root.
containers *arguments:
    tests/containers/prepare.sh
    pytest --asyncio-debug tests/containers "$@"

# A mixed load under faults for so many seconds: what grows meanwhile, and whether a promise was broken.
soak seconds="60":
    python -m tests.faults.soak {{ seconds }}

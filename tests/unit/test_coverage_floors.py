"""The floors of coverage: what counts for which package, and that a figure may not fall."""

from typing import Any

from tests.coverage_floors import fallen, figures_of, package_of, raised


def report(**files: tuple[int, int, int, int]) -> dict[str, Any]:
    names = "num_statements", "num_branches", "covered_lines", "covered_branches"
    return {
        "files": {
            path.replace("__", "/"): {"summary": dict(zip(names, numbers, strict=True))}
            for path, numbers in files.items()
        }
    }


def test_a_service_is_a_package_of_its_own() -> None:
    assert package_of("services/api/jobs/routes.py") == "services.api"
    assert package_of("services/__init__.py") == "services"
    assert package_of("shared/auth/jwks.py") == "shared"
    assert package_of("headrace/client/client.py") == "headrace"


def test_lines_and_branches_of_a_package_are_added_up() -> None:
    files = {
        "shared__a": (10, 0, 10, 0),
        "shared__b": (6, 4, 0, 0),
        "services__api__x": (2, 2, 2, 1),
        "shared__c": (0, 0, 0, 0),
    }
    assert figures_of(report(**files)) == {"shared": 50.0, "services.api": 75.0}


def test_what_is_below_its_floor_without_one_or_gone_is_named() -> None:
    assert fallen({"a": 50.9, "b": 60.0}, {"a": 50, "b": 60}) == []
    assert fallen({"a": 49.9, "new": 10.0}, {"a": 50, "gone": 1}) == [
        "a: 49.9 % is below 50 %: test what was added",
        "gone: 0.0 % is below 1 %: test what was added",
        "new has no floor: python -m tests.coverage_floors --write",
    ]


def test_a_floor_is_raised_and_never_lowered() -> None:
    floors = raised({"a": 61.9, "b": 40.0, "new": 7.4}, {"a": 60, "b": 50, "gone": 9})
    assert floors == {"a": 61, "b": 50, "new": 6}

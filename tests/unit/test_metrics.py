"""Each service shows its own metrics, and every metric is somebody's."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from shared.observability import metrics

ROOT = Path(__file__).parents[2]
ALL = {name: metric for name, metric in vars(metrics).items() if isinstance(metric, MetricWrapperBase)}
USED = re.compile(r"metrics\.([A-Z][A-Z_]+)")


def used_in(folder: str) -> set[str]:
    return {name for file in (ROOT / folder).rglob("*.py") for name in USED.findall(file.read_text())}


@pytest.mark.parametrize("service", metrics.BY_SERVICE)
def test_a_service_has_what_its_code_counts_and_nothing_of_another_s(service: str) -> None:
    own = {name for name, metric in ALL.items() if metric in metrics.BY_SERVICE[service]}
    assert used_in(f"services/{service}") <= own
    assert own <= used_in(f"services/{service}") | used_in("shared") | {"BUILD"}


def test_every_metric_is_some_service_s() -> None:
    assert set(ALL.values()) == {metric for own in metrics.BY_SERVICE.values() for metric in own}


@pytest.mark.parametrize("service", metrics.BY_SERVICE)
def test_what_is_shown_follows_the_conventions(service: str) -> None:
    shown = metrics.exposition(metrics.registry_of(service)).decode()
    assert f'headrace_build_info{{service="{service}",version=' in shown
    assert "process_resident_memory_bytes" in shown
    assert "_created" not in shown
    for name, kind in re.findall(r"# TYPE (headrace_\S+) (\S+)", shown):
        assert (kind == "counter") == name.endswith("_total"), name
        assert kind != "histogram" or name.endswith("_seconds"), name
        assert not re.search("_(ms|millis|kb|mb)(_|$)", name), name

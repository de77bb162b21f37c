"""What a metric says now: metrics are in a registry of their service alone, and in none in a test."""

from prometheus_client.metrics import MetricWrapperBase


def value_of(metric: MetricWrapperBase, **labels: str) -> float:
    """Its value with these labels; 0 before it has one."""
    samples = [
        sample
        for family in metric.collect()
        for sample in family.samples
        if sample.labels == labels and not sample.name.endswith("_created")
    ]
    return samples[0].value if samples else 0.0

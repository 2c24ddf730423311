"""The queries of the benchmark. Range and step in seconds; a range of 0 is an instant query."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Query:
    """One query over the last `length` seconds of the data."""

    text: str
    length: int
    step: int
    changed_in: tuple = ()  # an older Prometheus computes it otherwise: see tests/judge/differences.py

    def request(self, end):
        """Path and parameters."""
        if self.length == 0:
            return "/api/v1/query", (("query", self.text), ("time", str(end)))
        return "/api/v1/query_range", (("query", self.text), ("start", str(end - self.length)), ("end", str(end)),
                                       ("step", str(self.step)))

    def describe(self):
        return f"{self.text}, " + (f"{span(self.length)} / {self.step} s" if self.length else "instant")


def span(seconds):
    return f"{seconds // 3600} h" if seconds >= 3600 else f"{seconds // 60} m"


HOUR = 3600
KAHAN = (3, 10, 0)  # sums of native histograms; and since 3.6 their rates stop where the counter was zero
X, B, G, N = "requests_total", "latency_seconds_bucket", "memory_bytes", "native_latency_seconds"
QUERIES = (
    Query(f"sum(rate({X}[5m]))", 12 * HOUR, 60),
    Query(f"sum by (job, code) (rate({X}[5m]))", 6 * HOUR, 15),
    Query(f"histogram_quantile(0.99, sum by (le, job) (rate({B}[5m])))", 12 * HOUR, 60),
    Query(f"max_over_time({G}[6h])", 6 * HOUR, 15),
    Query(f"max_over_time({G}[5m])", 6 * HOUR, 15),
    Query(f"avg_over_time({G}[1h])", 6 * HOUR, 60),
    Query(f"quantile_over_time(0.95, {G}[1h])", 6 * HOUR, 60),
    Query(G, 12 * HOUR, 60),
    Query(f"sum(increase({X}[6h]))", 0, 0),
    Query(f"topk(5, rate({X}[5m]))", 6 * HOUR, 60),
    Query(f"sum by (version) (rate({X}[5m]) * on(instance, job) group_left(version) build_info)", 6 * HOUR, 60),
    Query(f"count by (job) ({X})", 12 * HOUR, 60),
    Query(f'sum(rate({X}{{code="500"}}[5m])) / sum(rate({X}[5m]))', 6 * HOUR, 60),
    Query(f"avg_over_time(sum by (job) (rate({X}[1m]))[30m:1m])", HOUR, 60),
    Query(f"sum(rate({N}[5m]))", 3 * HOUR, 60, KAHAN),
    Query(f"histogram_quantile(0.99, sum by (job) (rate({N}[5m])))", 3 * HOUR, 60, KAHAN),
    Query(f"histogram_count(sum(rate({N}[5m])))", 3 * HOUR, 60, KAHAN),
    Query(f"sum by (job) ({X})", 0, 0),
    Query(X, 0, 0),
)

LIGHT = (
    Query(f'rate({X}{{instance="host-007"}}[5m])', HOUR, 15),
    Query(f'sum by (code) (rate({X}{{instance=~"host-01."}}[5m]))', HOUR, 30),
    Query(f'{G}{{instance="host-042"}}', 3 * HOUR, 60),
    Query(f'histogram_quantile(0.9, sum by (le) (rate({B}{{instance="host-003"}}[5m])))', HOUR, 30),
    Query(f'max_over_time({G}{{job="web",kind="k0"}}[5m])', 0, 0),
    Query('count(build_info)', HOUR, 60),
    Query(f'sum({X}{{job="pay",code="500"}})', 0, 0),
    Query(f'increase({X}{{instance="host-120"}}[1h])', 0, 0),
    Query(f'topk(3, rate({X}{{instance=~"host-02.",code="200"}}[5m]))', 0, 0),
)
HEAVY = (QUERIES[0], QUERIES[1], QUERIES[2])

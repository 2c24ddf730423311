"""The moments and ranges at which queries are asked, by the names that the query files use."""
import dataclasses

from . import series


@dataclasses.dataclass(frozen=True)
class Grid:
    """A range query's steps, as the texts that go into the request."""

    start: str
    end: str
    step: str


@dataclasses.dataclass
class Times:
    """A data set's moments, grids, and the second from which `T+n` counts."""

    zero: int
    moments: dict
    grids: dict

    def moment(self, name):
        return self.moments[name]

    def grid(self, name):
        return self.grids[name]


def text(seconds):
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def grid(start, end, step):
    return Grid(text(start), text(end), str(step))


def of_generated():
    """`block`: in a block; `border`: in the head and a block; `head`: in the head alone; `late`: at its end."""
    zero = series.START
    moments = {"early": 90, "block": 2000.123, "border": 6123, "head": 7333.25, "late": 7795,
               "before": -3600, "after": series.LENGTH + 200}
    grids = {
        "across": grid(zero + 3000, zero + 7600, 150),
        "short": grid(zero + 2000, zero + 2150, 15),
        "fine": grid(zero + 7000, zero + 7090, 1),
        "coarse": grid(zero - 600, zero + series.LENGTH + 900, "7m"),
        "before": grid(zero - 300, zero + 300, "15s"),
        "odd": grid(zero + 1000.123, zero + 2600.777, "37.5"),
        "single": grid(zero + 7200, zero + 7200, 60),
        "ending": grid(zero + 8060, zero + 8110, 5),  # the lookback ends, of one series after another
    }
    return Times(zero, {name: text(zero + at) for name, at in moments.items()}, grids)


def of_other(start, end):
    """Evenly chosen moments of a data set about which only its first and last second are known."""
    length = end - start
    moments = {"early": 0.1, "block": 0.4, "border": 0.7, "head": 0.98}
    grids = {
        "across": grid(start + length * 0.1, end, max(1, int(length / 40))),
        "short": grid(start + length * 0.3, start + length * 0.3 + 60, 5),
        "fine": grid(end - 60, end, 1),
        "coarse": grid(start - 600, end + 900, "7m"),
    }
    return Times(start, {name: text(start + length * share) for name, share in moments.items()}, grids)

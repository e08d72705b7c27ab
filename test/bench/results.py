"""What was measured, and the figures made of it."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """What one operation cost in one round: a row, or a transaction.

    cpu and wall are nanoseconds; for the storage of a row both are bytes.
    """

    cpu: float
    wall: float


    @classmethod
    def least_of(cls, samples):
        """The least disturbed of some samples: a neighbour only ever adds."""
        return cls(min(sample.cpu for sample in samples),
                   min(sample.wall for sample in samples))


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers):
        """The spread of some numbers."""
        return cls(median(numbers), min(numbers), max(numbers))


class Results:
    """Samples by (group, workload), then by variant: one a round."""

    def __init__(self):
        self._samples = defaultdict(dict)

    def add(self, group, workload, variant, sample):
        """Keeps the sample of one round."""
        self._samples[group, workload].setdefault(variant, []).append(sample)

    def cost(self, group, workload, variant, what="cpu"):
        """Nanoseconds an operation, or None if it was not measured."""
        samples = self._samples[group, workload].get(variant)
        return Spread.of([getattr(sample, what) for sample in samples]) if samples else None

    def ratio(self, group, workload, variant, base, what="cpu"):
        """How many times a variant costs what its base costs, or None.

        Rounds are compared one by one, since what disturbs the machine in one
        round disturbs the neighbours in that round.
        """
        mine = self._samples[group, workload].get(variant)
        bases = self._samples[group, workload].get(base)
        if not mine or not bases:
            return None
        return Spread.of([getattr(a, what) / getattr(b, what) for a, b in zip(mine, bases)])

    def variants(self, group):
        """The variants measured in a group, in their order of mention."""
        names = {}
        for (other, _), samples in self._samples.items():
            if other == group:
                names.update(dict.fromkeys(samples))
        return list(names)

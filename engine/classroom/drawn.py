"""A curve that a pupil draws before a training: the grid that it is drawn on, the curve as one number, and how near it comes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

MOST_MOMENTS, MOST_HEIGHTS = 8, 10
MOST_SECONDS, MOST_PERCENT = 3600, 100


@dataclass(frozen=True)
class Grid:
    """What a curve is drawn on: a point at each moment, in one of the rows.

    Attributes:
        moments: seconds since the start, growing; the last one is the end. heights: accuracies in percent, growing.
    """

    moments: tuple[int, ...]
    heights: tuple[int, ...]

    def __post_init__(self) -> None:
        """Checks the bounds that a page and a stored number need.

        Raises:
            ValueError: there are too few or too many moments or heights, or they do not grow, or are out of bounds.
        """
        for values, most, low, high in (
            (self.moments, MOST_MOMENTS, 1, MOST_SECONDS),
            (self.heights, MOST_HEIGHTS, 0, MOST_PERCENT),
        ):
            whole = all(type(value) is int and low <= value <= high for value in values)
            if not whole or not 2 <= len(values) <= most or list(values) != sorted(set(values)):
                raise ValueError(f"no grid: {values}")

    def number(self, rows: Sequence[int]) -> int | None:
        """A curve as one whole number, which stands where other questions keep the number of a choice; None where it is no curve.

        A one, then a digit a moment: the row, from 0 at the bottom. So no curve is the number of a choice.
        """
        if len(rows) != len(self.moments) or not all(0 <= row < len(self.heights) for row in rows):
            return None
        return int("1" + "".join(map(str, rows)))

    def rows(self, number: int | None) -> tuple[int, ...] | None:
        """The row at each moment, from 0 at the bottom; None where the number is no curve on this grid."""
        digits = str(number) if isinstance(number, int) and number > 0 else ""
        if len(digits) != len(self.moments) + 1 or digits[0] != "1":
            return None
        rows = tuple(map(int, digits[1:]))
        return rows if max(rows) < len(self.heights) else None

    def points(self, rows: Iterable[int]) -> tuple[tuple[float, float], ...]:
        """A curve as shares of the time, 0..1, and accuracies, 0..1."""
        return tuple(
            (moment / self.moments[-1], self.heights[row] / 100) for moment, row in zip(self.moments, rows, strict=True)
        )

    def counts(self, curves: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
        """How many curves go through each row, a tuple a moment."""
        found = [[0] * len(self.heights) for _ in self.moments]
        for rows in curves:
            for column, row in zip(found, rows, strict=True):
                column[row] += 1
        return tuple(map(tuple, found))


@dataclass(frozen=True)
class Closest:
    """The guesses that come nearest. rows: each another curve. count: how many drew one of them. off: accuracy, 0..1, on average."""

    rows: tuple[tuple[int, ...], ...]
    count: int
    off: float


def closest(grid: Grid, curves: Sequence[tuple[int, ...]], measured: Sequence[tuple[float, float]]) -> Closest | None:
    """The curves that come nearest to what was measured: by the mean distance at the moments of the grid, a straight line between
    two measurements. None without curves, or of fewer than two measurements.

    Args:
        measured: shares of the time, 0..1, and accuracies, 0..1.
    """
    if not curves or len(measured) < 2:
        return None
    shares, accuracies = zip(*measured, strict=True)
    wanted = np.interp([moment / grid.moments[-1] for moment in grid.moments], shares, accuracies)
    heights = np.array(grid.heights) / 100
    off = np.abs(heights[np.array(curves)] - wanted).mean(axis=1)
    nearest = np.flatnonzero(off <= off.min() + 1e-12)
    return Closest(tuple(dict.fromkeys(curves[n] for n in nearest.tolist())), len(nearest), float(off.min()))

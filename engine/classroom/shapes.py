"""The shapes that a curve may take before a training: what a class chooses among, and what lies under the run's curve."""

from collections.abc import Sequence

QUESTION = "shape"  # of the lesson, whose choices they are in this order
# A straight line upwards; steep at first; flat at first; up, then down. Each as heights 0..1 of what the training gains, at equal
# distances.
SHAPES = (
    (0.0, 1.0),
    (0.0, 0.52, 0.74, 0.85, 0.92, 0.97, 1.0),
    (0.0, 0.03, 0.08, 0.15, 0.26, 0.48, 1.0),
    (0.0, 0.55, 0.9, 1.0, 0.9, 0.62, 0.3),
)


def between(
    heights: Sequence[float], first: tuple[float, float], last: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """A shape as steps and accuracies, from where a training began to where it ended."""
    (begun, low), (ended, high) = first, last
    count = len(heights) - 1
    return tuple((begun + (ended - begun) * n / count, low + (high - low) * h) for n, h in enumerate(heights))

"""The four shapes among which the curve of a minute is guessed: what a class chooses among, what lies under the run's curve, and their pictures."""

import base64
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


def picture(heights: tuple[float, ...]) -> str:
    """Draws a shape: a data URI."""
    points = " ".join(f"{6 + 88 * n / (len(heights) - 1):.1f},{40 - 34 * h:.1f}" for n, h in enumerate(heights))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 46">'
        '<path d="M6 4V40H96" fill="none" stroke="#7F868D" stroke-width="2"/>'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="4" stroke-linejoin="round"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()

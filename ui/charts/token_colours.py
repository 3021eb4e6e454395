"""Tokens on coloured grounds: the scales and their legends."""

from dataclasses import dataclass
from typing import Any

from plotly.colors import get_colorscale, sample_colorscale

from ui.charts.colours import ink

_EVEN = get_colorscale("Cividis")  # perceptually even, and the same to eyes that take red for green (Nuñez et al. 2018)
# Vermilion to white to blue of Okabe and Ito: worse, equal, better.
_DIVERGING = [[0.0, "rgb(213,94,0)"], [0.5, "rgb(245,245,245)"], [1.0, "rgb(0,114,178)"]]


@dataclass(frozen=True)
class Scale:
    """How a number becomes a ground.

    Attributes:
        low, high: the numbers at both ends, after `of`; what lies beyond is drawn as the end.
        ticks: (number, label) along the legend.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    diverging: bool = False

    def place(self, value: float) -> float:
        """Where a number lies on the scale, 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ground(self, value: float) -> str:
        """The colour of a number, as `rgb(…)`."""
        colour: str = sample_colorscale(_DIVERGING if self.diverging else _EVEN, [self.place(value)])[0]
        return colour

    def gradient(self) -> str:
        """The scale from low to high, as CSS."""
        stops = sample_colorscale(_DIVERGING if self.diverging else _EVEN, [n / 10 for n in range(11)])
        return f"linear-gradient(to right, {', '.join(stops)})"

    def legend(self) -> dict[str, Any]:
        """What is drawn beside the tokens: the gradient, and labels at places from 0 to 1."""
        return {"gradient": self.gradient(), "ticks": [[self.place(value), label] for value, label in self.ticks]}


def coloured(values: list[float], scale: Scale) -> list[list[str]]:
    """[ground, ink] of each number; each colour is worked out once."""
    known: dict[float, list[str]] = {}
    for value in values:
        place = round(scale.place(value), 2)  # a hundred colours are more than an eye tells apart
        if place not in known:
            ground = scale.ground(scale.low + place * (scale.high - scale.low))
            known[place] = [ground, ink(ground)]
    return [known[round(scale.place(value), 2)] for value in values]

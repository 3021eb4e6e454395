"""The curves that phones have drawn, as one picture: thin lines over one another, darker where more of them run."""

import base64
from collections import Counter
from collections.abc import Sequence
from html import escape

from engine.classroom.drawn import Grid

_LEFT, _TOP, _COLUMN, _ROW = 52, 10, 62, 26


def picture(grid: Grid, curves: Sequence[tuple[int, ...]]) -> str:
    """A data URI of an SVG, dark on white as the pictures of the shapes are."""
    right, bottom = _LEFT + _COLUMN * len(grid.moments), _TOP + _ROW * (len(grid.heights) - 1)
    parts = []
    for row, height in enumerate(grid.heights):
        y = bottom - _ROW * row
        parts.append(f'<path d="M{_LEFT} {y}H{right}" stroke="#d5dbe1"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 6}" text-anchor="end">{height} %</text>')
    for place, moment in enumerate(grid.moments, 1):
        parts.append(f'<text x="{_LEFT + _COLUMN * place}" y="{bottom + 26}" text-anchor="middle">{moment} s</text>')
    for rows, count in Counter(curves).items():
        points = " ".join(f"{_LEFT + _COLUMN * place},{bottom - _ROW * row}" for place, row in enumerate(rows, 1))
        opacity = min(1.0, 0.35 + 0.15 * count)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="3" opacity="{opacity:.2f}"/>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + 24} {bottom + 36}" font-family="sans-serif" '
        f'font-size="18" fill="#1b2733" stroke-linejoin="round">{"".join(parts)}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def written(rows: str, grid: Grid, curves: Sequence[tuple[int, ...]], said: str) -> str:
    """Writes the rows of the choices with the picture beside them, as HTML.

    Args:
        rows: HTML. said: what the picture shows, for whoever does not see it and below it.
    """
    image = f'<img src="{picture(grid, curves)}" alt="">'
    return f'<div class="drawn-beside"><div>{rows}</div><figure>{image}<figcaption>{escape(said)}</figcaption></figure></div>'

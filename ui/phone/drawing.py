"""A curve on a phone: the grid that it is drawn on, which is a form of radio buttons, what of it was sent, and its picture."""

from collections.abc import Mapping, Sequence
from html import escape

from engine.classroom.drawn import Grid
from ui.phone.forms import number_of
from ui.phone.html import Translate

_FIELD = "at"  # and the number of the moment
_LEFT, _RIGHT, _TOP, _COLUMN, _ROW = 46, 12, 8, 46, 24  # of a picture


def form(_: Translate, grid: Grid, own: int | None) -> str:
    """The grid and its button; a script lets a finger draw over it (phone.js).

    Args:
        own: what was sent before, to be changed.
    """
    chosen = grid.rows(own)
    columns = []
    for place, moment in enumerate(grid.moments):
        cells = "".join(
            f'<input type="radio" name="{_FIELD}{place}" value="{row}" required '
            f'aria-label="{escape(_("after {n} s: {height} %", n=moment, height=height))}"'
            f"{' checked' if chosen is not None and chosen[place] == row else ''}>"
            for row, height in reversed(list(enumerate(grid.heights)))
        )
        legend = f"<legend>{escape(_('after {n} s', n=moment))}</legend>"
        columns.append(f'<fieldset>{legend}{cells}<span aria-hidden="true">{moment}</span></fieldset>')
    heights = "".join(f"<span>{height} %</span>" for height in reversed(grid.heights))
    return (
        f'<p class="quiet">{escape(_("Choose one point at each moment."))} '
        f'<span class="finger" hidden>{escape(_("Or draw with your finger."))}</span></p>'
        f'<div class="draw"><div class="heights" aria-hidden="true">{heights}<span>s</span></div>{"".join(columns)}</div>'
        f'<button class="main" name="do" value="draw">{escape(_("Send my curve"))}</button>'
    )


def rows_of(fields: Mapping[str, str]) -> list[int] | None:
    """The rows that a form sends, one for each moment; None where it is no form of a curve. Whether they are a curve of the
    question's grid is for `votes.answer` to say."""
    if fields.get("do") != "draw":
        return None
    return [number_of(fields[name]) for place in range(len(fields)) if (name := f"{_FIELD}{place}") in fields]


def picture(_: Translate, grid: Grid, own: int | None, drawn: Sequence[Sequence[int]] = ()) -> str:
    """One's own curve as a line; and as dots how many of the class drew a curve through each point, where that is told."""
    right, bottom = _LEFT + _COLUMN * len(grid.moments), _TOP + _ROW * (len(grid.heights) - 1)

    def at(place: int, row: int) -> tuple[int, int]:
        return _LEFT + _COLUMN * (place + 1), bottom - _ROW * row

    parts = [
        f'<path class="axis" d="M{_LEFT} {bottom - _ROW * row}H{right}"/>'
        f'<text x="{_LEFT - 6}" y="{bottom - _ROW * row + 5}" text-anchor="end">{height} %</text>'
        for row, height in enumerate(grid.heights)
    ]
    for place, moment in enumerate(grid.moments):
        parts.append(f'<text x="{at(place, 0)[0]}" y="{bottom + 24}" text-anchor="middle">{moment} s</text>')
    most = max((count for column in drawn for count in column), default=0)
    for place, column in enumerate(drawn):
        for row, count in enumerate(column):
            if count:
                x, y = at(place, row)
                parts.append(f'<circle cx="{x}" cy="{y}" r="{3 + 8 * (count / most) ** 0.5:.1f}"/>')
    said = _("What the class has drawn: a point is larger where more curves go through it.") if drawn else ""
    if (rows := grid.rows(own)) is not None:
        line = " ".join(f"{x},{y}" for x, y in (at(place, row) for place, row in enumerate(rows)))
        parts.append(f'<polyline points="{line}"/>')
        points = ", ".join(
            _("after {n} s: {height} %", n=moment, height=grid.heights[row])
            for moment, row in zip(grid.moments, rows, strict=True)
        )
        said = " ".join(filter(None, (_("Your curve: {points}.", points=points), said)))
    return (
        f'<svg class="drawn" viewBox="0 0 {right + _RIGHT + 14} {bottom + 32}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}</svg>{f'<p>{escape(said)}</p>' if drawn else ''}"
    )

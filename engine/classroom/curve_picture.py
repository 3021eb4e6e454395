"""The curve of a run as SVG: axes with units, what each line is written beside its end, no script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from engine.classroom.reports import Curve
from engine.core.wording import Wording

HEIGHT = 290
_WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 128, 14, 46
_LABEL_HEIGHT = 17
_BASE, _RUN, _INK, _GRID, _GUESS = "#6b7680", "#0072B2", "#1b2733", "#d5dbe1", "#7f868d"
_OTHERS = f'stroke="{_GUESS}" stroke-width="2.5" stroke-opacity="0.5"'
_CHARACTERS = 22  # of a label beside the end of a line


@dataclass(frozen=True)
class Guess:
    """A curve that was expected. points: steps and accuracies, 0..1. own: whether it is the reader's own guess."""

    label: str
    points: tuple[tuple[float, float], ...]
    own: bool = False


@dataclass(frozen=True)
class Guesses:
    """What was expected of a curve. points: step, accuracy 0..1, and the share of the drawn curves that go through there."""

    lines: tuple[Guess, ...] = ()
    points: tuple[tuple[float, float, float], ...] = ()


NO_GUESSES = Guesses()


def picture(curve: Curve, wording: Wording, title: str, guesses: Guesses = NO_GUESSES, height: int = HEIGHT) -> Markup:
    """Draws the curve over what was guessed of it; nothing where there is no point.

    Args:
        title: what a screen reader says of it. height: of the picture, which is 720 wide.
    """
    _ = wording.say
    if not curve.validation and not curve.training:
        return Markup("")
    lines = [
        (curve.training, _("training"), f'stroke="{_RUN}" stroke-width="1" stroke-opacity="0.45"'),
        (curve.validation, _("validation"), f'stroke="{_RUN}" stroke-width="3"'),
    ]
    lines = [line for line in lines if line[0]]
    last_step = max([1, *(step for points, *_rest in lines for step, _y in points)])
    values = [
        y for points in [*(line[0] for line in lines), *(one.points for one in guesses.lines)] for _x, y in points
    ]
    values += [y for _step, y, _share in guesses.points]
    values += [curve.base] if curve.base is not None else []
    x_ticks, y_ticks = _ticks(last_step), _ticks(100 * max([*values, 0.01]))
    across = (_WIDTH - _LEFT - _RIGHT) / max(last_step, x_ticks[-1])
    up = (height - _TOP - _BOTTOM) / (y_ticks[-1] / 100)
    right, bottom = _WIDTH - _RIGHT, height - _BOTTOM

    def at(step: float, value: float) -> tuple[float, float]:
        return round(_LEFT + step * across, 1), round(bottom - value * up, 1)

    drawn: list[str] = []
    labels: list[tuple[float, int, str, str]] = []  # with what is nearest to its line, where several end at one place
    for tick in y_ticks:
        _x, y = at(0, tick / 100)
        drawn.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}" stroke="{_GRID}"/>')
        drawn.append(_text(_LEFT - 7, y + 4, wording.shortest(tick), "end"))
    for tick in x_ticks:
        x, _y = at(tick, 0)
        drawn.append(_text(x, bottom + 18, wording.whole(tick), "middle"))
    drawn.append(_text((_LEFT + right) / 2, height - 6, _("training steps"), "middle"))
    drawn.append(
        f'<text transform="translate(13 {(_TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(_('accuracy (%)'))}</text>"
    )
    if curve.base is not None:
        _x, y = at(0, curve.base)
        drawn.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}" stroke="{_BASE}" stroke-width="2" stroke-dasharray="7 5"/>'
        )
        labels.append((y, 1, _("base model"), _BASE))
    for step, value, share in guesses.points:
        x, y = at(step, value)
        drawn.append(f'<circle cx="{x}" cy="{y}" r="{3 + 9 * share:.1f}" fill="{_GUESS}" fill-opacity="0.5"/>')
    for guess in sorted(guesses.lines, key=lambda one: one.own):  # one's own on top
        places = [at(*point) for point in guess.points]
        style = f'stroke="{_INK}" stroke-width="2.5" stroke-dasharray="2 5"' if guess.own else _OTHERS
        joined = " ".join(f"{x},{y}" for x, y in places)
        drawn.append(f'<polyline points="{joined}" fill="none" stroke-linecap="round" {style}/>')
        labels.append((places[-1][1], 2, guess.label, _INK if guess.own else _BASE))
    for points, name, style in lines:
        places = [at(*point) for point in points]
        joined = " ".join(f"{x},{y}" for x, y in places)
        drawn.append(f'<polyline points="{joined}" fill="none" {style}/>')
        if points is curve.validation:
            drawn += [f'<circle cx="{x}" cy="{y}" r="4" fill="{_RUN}"/>' for x, y in places]
        labels.append((places[-1][1], 0, name, _RUN))
    for step, value in curve.validation:
        if step == curve.result:
            x, y = at(step, value)
            drawn.append(f'<path d="{_star(x, y)}" fill="#fff" stroke="{_RUN}" stroke-width="2"/>')
            drawn.append(_text(x, max(_TOP, y - 13), _("its result"), "end" if x > right - 40 else "middle"))
    labels.sort()
    heights = _apart([y for y, *_rest in labels], bottom)
    for y, (_end, _order, name, colour) in zip(heights, labels, strict=True):
        drawn.append(f'<text x="{right + 8}" y="{y + 4}" fill="{colour}">{escape(name[:_CHARACTERS])}</text>')
    return Markup(
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}" font-size="14" fill="{_INK}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(drawn)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _ticks(highest: float, most: int = 5) -> list[float]:
    """From 0 to the first round number from `highest` on, at most so many steps apart that are round too."""
    rough = highest / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    step = max(step, 1) if highest >= most else step
    return [round(step * n, 10) for n in range(math.ceil(highest / step - 1e-9) + 1)]


def _apart(places: Sequence[float], bottom: float) -> list[float]:
    """Heights in order, moved so far that labels there do not lie on one another, and none below the lowest."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + _LABEL_HEIGHT) if found else max(place, _TOP))
    lowest = bottom
    for n in reversed(range(len(found))):
        found[n] = min(found[n], lowest)
        lowest = found[n] - _LABEL_HEIGHT
    return [round(place, 1) for place in found]


def _star(x: float, y: float, radius: float = 9) -> str:
    corners = []
    for n in range(10):
        r, angle = (radius if n % 2 == 0 else radius * 0.45), math.pi * n / 5
        corners.append(f"{x + r * math.sin(angle):.1f} {y - r * math.cos(angle):.1f}")
    return "M" + "L".join(corners) + "Z"

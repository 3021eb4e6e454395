"""Colours of tokens: even, ended, and always legible."""

import pytest
from project import PROJECT

from ui.charts.colours import ink
from ui.charts.token_colours import Scale, coloured
from ui.components.tokens import microscope_view


def contrast(ground: str, letters: str) -> float:
    def luminance(channels):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    one = luminance([float(part) / 255 for part in ground[4:-1].split(",")])
    two = 1.0 if letters == "#fff" else 0.0
    return (max(one, two) + 0.05) / (min(one, two) + 0.05)


@pytest.mark.parametrize("scale", [Scale(0, 1, ()), Scale(-6, 6, (), diverging=True)])
def test_letters_are_legible_on_every_ground(scale):
    values = [scale.low + n / 100 * (scale.high - scale.low) for n in range(101)]
    assert min(contrast(ground, letters) for ground, letters in coloured(values, scale)) >= 4.5
    assert all(ink(ground) == letters for ground, letters in coloured(values, scale))


def test_what_lies_beyond_a_scale_is_drawn_as_its_end():
    scale = microscope_view.scale(microscope_view.PROBABILITY, 4096)
    values = microscope_view.values(microscope_view.PROBABILITY, {"probabilities": [0.0, 1e-6, 1e-4, 1.0]})
    colours = coloured(values, scale)
    assert colours[0] == colours[1] == colours[2] != colours[3]


def test_a_difference_is_in_doublings():
    first, second = {"probabilities": [0.1, 0.4, 0.2]}, {"probabilities": [0.8, 0.1, 0.2]}
    assert microscope_view.differences(microscope_view.PROBABILITY, first, second) == pytest.approx([3, -2, 0])


def test_a_difference_is_of_what_the_tokens_are_coloured_by():
    first = {"probabilities": [0.1], "ranks": [1000], "entropies": [3.5]}
    second = {"probabilities": [0.8], "ranks": [10], "entropies": [5.0]}
    assert microscope_view.differences(microscope_view.RANK, first, second) == pytest.approx([2])
    assert microscope_view.differences(microscope_view.ENTROPY, first, second) == pytest.approx([-1.5])
    for what in (microscope_view.PROBABILITY, microscope_view.RANK, microscope_view.ENTROPY):
        assert what in microscope_view.difference_title(what, "b")
        assert microscope_view.difference_scale(what).place(0) == 0.5


def test_what_a_colour_says_a_sign_says_too():
    """Blue and red are one colour to some eyes; what changed by less than a doubling bears no sign."""
    shown = microscope_view.difference_scale(microscope_view.PROBABILITY)
    assert microscope_view.signs([3, 1, 0.9, 0, -0.9, -1, -9], shown) == [
        "better",
        "better",
        "",
        "",
        "",
        "worse",
        "worse",
    ]
    style = (PROJECT / "ui" / "components" / "tokens" / "microscope_view.css").read_text()
    for what in (microscope_view.PROBABILITY, microscope_view.RANK, microscope_view.ENTROPY):
        legend = microscope_view.signs_legend(what)
        assert [name for name, _said in legend] == ["better", "worse"]
        assert all(f".{name} {{ text-decoration: underline" in style for name, _said in legend)

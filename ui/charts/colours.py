"""The colour of a model, the same on every page: base models grey, a run's checkpoints deepening along one hue; and the
ink that is read on it."""

import colorsys
import os
from functools import lru_cache
from pathlib import Path

from engine.core import paths
from engine.runs import lifecycle
from engine.runs.references import ModelReference

BASE = "#7F868D"  # a mid grey that reads on white and on near-black
# Okabe & Ito 2008, "Color universal design", the hues that read on both grounds, then mid-tones between them.
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#B07D2B", "#4D9A9A")
TRUE_TEXT = "#B07D2B"


def of_run(name: str) -> str:
    """The hue of a run: the next one of the palette in the order of creation."""
    return of_runs().get(name, (HUES[0], 0))[0]


def of_runs() -> dict[str, tuple[str, int]]:
    """Name → (hue, how often the palette was used up before it) of every run."""
    root = paths.checkpoints_root()
    try:
        return _of_runs(root, frozenset(os.listdir(root)))
    except OSError:
        return {}


@lru_cache(maxsize=8)  # the order of creation changes where a run comes or goes; a page asks for it once a run
def _of_runs(root: Path, _names: frozenset[str]) -> dict[str, tuple[str, int]]:
    every = lifecycle.all_runs(root)[::-1]
    shipped = {run.name for run in every if run.ships_without_weights}
    found: dict[str, tuple[str, int]] = {}
    # Those that ship beside the first one are counted apart, so that how many ship changes no colour of one's own runs.
    for names in ([run.name for run in every if run.name not in shipped], [r.name for r in every if r.name in shipped]):
        found |= {name: (HUES[n % len(HUES)], n // len(HUES)) for n, name in enumerate(names)}
    return found


def of_model(model: ModelReference, last_step: int = 0) -> str:
    """Grey for a base model; a run's hue for a checkpoint, deeper the nearer its step is to `last_step`."""
    if model.checkpoint is None:
        return BASE
    return deepened(of_run(model.checkpoint.run), model.checkpoint.step / max(1, last_step) if last_step else 1.0)


def deepened(hue: str, share: float) -> str:
    """The hue at a share of its full depth: at 0 halfway to a light grey, at 1 itself."""
    red, green, blue = (int(hue[i : i + 2], 16) / 255 for i in (1, 3, 5))
    h, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    depth = 0.35 + 0.65 * min(1.0, max(0.0, share))
    rgb = colorsys.hls_to_rgb(h, lightness + (0.72 - lightness) * (1 - depth), saturation * depth)
    return "#" + "".join(f"{round(255 * part):02X}" for part in rgb)


def ink(ground: str) -> str:
    """Black or white, whichever is read better on a ground, given as `rgb(r,g,b)` or `#RRGGBB` (WCAG's luminance)."""
    if ground.startswith("#"):
        channels = [int(ground[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    else:
        channels = [float(part) / 255 for part in ground[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#fff"

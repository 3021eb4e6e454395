"""The learning rate of a run in steps or epochs (half a cosine) and of a pretraining (constant, then a linear decay); a run in
minutes has that of its timetable (`engine.training.timetable`)."""

import math


def warmup_cosine(step: int, peak: float, warmup_steps: int, steps: int, floor: float = 0.1) -> float:
    """The learning rate of a step counted from 0.

    Rises linearly to `peak` over `warmup_steps`, then falls along half a cosine to `floor · peak` at `steps`
    (Loshchilov & Hutter 2017 without restarts, as in Brown et al. 2020, appendix B). While `steps` is 0, not known
    yet, it stays at the peak after the warm-up.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if not steps:
        return peak
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))


def warmup_constant_decay(
    step: int, peak: float, warmup_steps: int, decay_steps: int, steps: int, floor: float = 0.0
) -> float:
    """The learning rate of a step counted from 0: up to `peak`, constant, down over the last `decay_steps`.

    Rises linearly over `warmup_steps`, then stays, then falls linearly to `floor · peak` at `steps` (Hu et al. 2024,
    "warmup-stable-decay"). Before the decay it does not depend on `steps`, so a run can be made longer as it goes.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    left = min(1.0, (steps - step) / max(1, decay_steps))
    return peak * (floor + (1 - floor) * left)

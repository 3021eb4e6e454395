"""The learning rate as a function of the step: linear warm-up, then half a cosine."""

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

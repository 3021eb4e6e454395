"""Whether XLA compiles a run's functions: decided once, when the run begins, by how long it is planned to train.

On a CPU XLA makes the steps faster and takes seconds to compile them, in which a short run without it would have trained.
"""

import logging

from engine.core import framework
from engine.presets.memory import LARGE_PARAMETERS
from engine.runs import needs
from engine.runs.folder import Run
from engine.runs.settings import AUTO, OFF, RunSettings
from engine.training.past import Past

# Of training, up to which a run is not compiled. With XLA the mini model's first step comes 2.3 s later on two quiet cores, its
# first measurement another second, and its steps are a twentieth faster: `benchmarks/waiting.py --break-even` says 44 s without
# the measurement, and in a minute both ways made as many steps (116 and 118, two presses each).
BREAK_EVEN_SECONDS = 60.0
# Tokens a second x parameters, by which the seconds of a run in steps or epochs are told: 9,400 tokens/s of the mini model
# and 310 of GPT-2 base on two cores. Fixed, so that the same run is the same run on every machine.
_WORK = 4e10
_LOG = logging.getLogger("engine.compilation")


def decide(
    run: Run,
    settings: RunSettings,
    past: Past,
    *,
    available: bool,
    on_cpu: bool,
    parameters: int,
    step_tokens: int,
    steps_per_epoch: float,
) -> bool:
    """Decides it, and writes it into a run that begins; one that goes on keeps to what was decided, so that it stays exact.

    Args:
        available: whether this TensorFlow has XLA.
    """
    if framework.uses_jax():  # which knows no other way
        if past.xla is None and not past.begun:
            run.append_event("compilation", xla=True)
        return True
    if past.xla is not None:
        return past.xla and available
    if past.begun:  # by a version that always compiled
        return available
    found = available and _is_worth_it(settings, on_cpu, parameters, step_tokens, steps_per_epoch)
    _LOG.info("the functions of this run are %s by XLA", "compiled" if found else "not compiled")
    run.append_event("compilation", xla=found)
    return found


def _is_worth_it(
    settings: RunSettings, on_cpu: bool, parameters: int, step_tokens: int, steps_per_epoch: float
) -> bool:
    if settings.compilation != AUTO:
        return settings.compilation != OFF
    if not on_cpu or parameters > LARGE_PARAMETERS:  # whose memory has been measured with XLA alone
        return True
    if settings.minutes is not None:
        return 60 * settings.minutes > BREAK_EVEN_SECONDS
    steps = settings.steps
    if steps is None:
        steps = needs.steps_of_epochs(settings.epochs or 0.0, steps_per_epoch)
    return steps * step_tokens * parameters > BREAK_EVEN_SECONDS * _WORK

"""Who is asked and told while a run trains."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.core.progress import Cancelled


@dataclass(frozen=True)
class Supervisor:
    """The process that a training runs in, as the training sees it.

    Attributes:
        stop_requested: asked after every step and batch; True ends the run with a checkpoint.
        long_work: called before what may take minutes without asking: loading, compiling, saving.
        say: takes a line of progress for a person at a terminal.
    """

    stop_requested: Callable[[], bool] = lambda: False
    long_work: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda line: None

    def check(self) -> None:
        """Ends the work where that was asked for.

        Raises:
            Cancelled: it was.
        """
        if self.stop_requested():
            raise Cancelled

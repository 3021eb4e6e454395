"""`python -m engine.memorisation.index_job JOB`: the index of a run's training articles, built in the background."""

import sys
from pathlib import Path
from typing import Any

from engine.core import jobs, paths
from engine.core.progress import Cancelled
from engine.memorisation import search
from engine.runs import articles_read, lifecycle
from engine.runs.folder import Run

BUILDING = "building"


def job_of(run: Run) -> jobs.Job:
    """The job that builds what the memorisation lens needs for a run; its file tells `done` and `total` tokens."""
    return jobs.Job(paths.corpora_root() / ".suffixes" / "jobs" / f"{run.name}.json", "engine.memorisation.index_job")


def start(run: Run) -> None:
    """Starts the building; what an interrupted one built stays.

    Raises:
        StorageError: no rights or no space.
    """
    job_of(run).start(BUILDING, run=run.name, root=str(run.folder.parent.resolve()))


def _index(work: jobs.Work) -> dict[str, Any]:
    def report(done: int, total: int) -> None:
        if work.stop_requested():
            raise Cancelled
        work.say(True, done=done, total=total)

    run = lifecycle.find(work.value["run"], Path(work.value["root"]))
    search.build(articles_read.seen(run).ranges, report)
    return {}


if __name__ == "__main__":
    sys.exit(jobs.work(Path(sys.argv[1]), _index))

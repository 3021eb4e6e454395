"""What stands beside the figures of a run's result, its step and its weights, is of the result too."""

import pytest
from pages_helpers import a_run

from engine.core.locks import Lock
from engine.runs import checkpoints
from ui.explore import score
from ui.readers import lineage

pytestmark = pytest.mark.usefixtures("no_studio")


def test_score_and_the_tree_name_the_checkpoint_whose_figures_they_show(root):
    run = a_run(root)
    (result,) = checkpoints.of_run(run)
    kept = {name: result.manifest[name] for name in ("preset", "tokens", "parent")}
    figures = {**result.manifest["metrics"]["validation"], "accuracy": 0.4}
    with checkpoints.commit(run, 6, {**kept, "metrics": {"validation": figures}}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"others")
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(step=6, result=4)
    result, last = checkpoints.of_run(run)
    assert (result.step, last.step) == (4, 6)
    (row,) = [row for row in score.run_rows("validation", [run]) if not row.title.startswith("base")]
    assert row.title.endswith("4") and row.hash == result.hash != last.hash
    tree = lineage.dot([run])
    assert "20.0" in tree and "40.0" not in tree

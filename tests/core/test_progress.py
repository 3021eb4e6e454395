"""Long work is told and ended in one way."""

import ast
import re

import pytest
from project import PROJECT

from engine.cli import output
from engine.core import jobs
from engine.core.files import read_json, write_json
from engine.core.progress import Phase, Progress
from engine.corpus.progress import Preparing
from engine.training.progress import Training

ENGINE = sorted((PROJECT / "engine").rglob("*.py"))
# What is called with how much is done, or asked whether to stop.
OTHER_WAYS = re.compile(r"Callable\[\[(int(, int)?|Progress)\], (None|object|bool)\]|Callable\[\[\], bool\]")
# What huggingface_hub takes for a progress bar, a room that is required before anything is done, and whether others wait for
# the models: whoever writes lets them go first and then goes on.
OTHER_THINGS = {("_bar", "take"), ("_export", "require"), ("__init__", "others_wait")}


@pytest.mark.parametrize("path", ENGINE, ids=lambda p: ".".join(p.relative_to(PROJECT).with_suffix("").parts))
def test_whoever_does_long_work_takes_on_progress_and_nothing_beside_it(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            kind = ast.unparse(argument.annotation) if argument.annotation else ""
            assert (kind == "OnProgress") == (argument.arg == "on_progress"), (node.name, argument.arg)
            assert not OTHER_WAYS.fullmatch(kind) or (node.name, argument.arg) in OTHER_THINGS, (
                node.name,
                argument.arg,
            )


def test_a_job_that_a_person_asked_to_stop_ends_where_it_says_how_far_it_is(tmp_path):
    file = tmp_path / "job.json"
    write_json(file, {"state": "preparing", "since": 1.0})

    def do(work: jobs.Work) -> dict:
        work.say(True, done=1)
        file.with_suffix(".stop").touch()
        work.say(True, done=2)
        raise AssertionError("it goes on")

    assert jobs.work(file, do) == 0
    assert (read_json(file)["state"], read_json(file)["done"]) == (jobs.STOPPED, 1)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(0, 0, Phase.LOADING), "loading"),
        (Progress(1, 2, Phase.FETCHING), "fetching [############------------]  50%"),
        (Progress(3_000_000, 0, Phase.CHECKING), "looking through 3 MB"),
        (Progress(0, 0, Phase.PREPARING), "preparing"),
        (
            Preparing(1, 4, Phase.PREPARING, 1200, 5000, 3),
            "preparing [######------------------]  25% 1,200 articles, 5,000 tokens, 3 skipped, 6 s left",
        ),
        (
            Preparing(2, 2, Phase.COMPARING, 2, 90, 0),
            "looking for near-copies [########################] 100% 2 of 2 articles",
        ),
        (Progress(1, 1, Phase.EVALUATING), "evaluating one/4 [########################] 100%"),
        (Training(3, 0, Phase.TRAINING, 2.5, None), "step 3/?  loss 2.500"),
        (
            Training(1, 2, Phase.TRAINING, 2.5, 1000.4, 8),
            "[############------------]  50% step 1/2  loss 2.500  1,000 tokens/s  memory is short: each batch in pieces of 8",
        ),
    ],
    ids=lambda value: value.phase if isinstance(value, Progress) else "",
)
def test_a_terminal_says_how_far_a_command_is(progress, line):
    of = "one/4" if progress.phase == Phase.EVALUATING else ""
    assert output.in_words(progress, 2.0, of) == line


def test_a_line_is_not_written_more_often_than_it_is_read(capsys):
    line = output.ProgressLine()  # not at a terminal
    for done in range(100):
        line(Progress(done, 100, Phase.INDEXING))
    line.close()
    assert capsys.readouterr().err == "indexing [------------------------]   0%\n"

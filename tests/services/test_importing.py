"""An import in the background: how far it is, stop and go on, failure in a sentence."""

import json

import pytest
from pubmed_helpers import article_line
from waiting_helpers import until

from engine.core import jobs, paths
from engine.core.errors import EngineError
from engine.corpus import finishing, store
from engine.services import import_job
from engine.services.import_job import Import, Request

pytestmark = pytest.mark.slow


def wait(job: Import, state: str):
    """The status with which the job's process has ended."""
    until(lambda: job.status().state == state and not job.status().alive, 60)
    return job.status()


def test_an_import_ends_with_a_corpus(root, tiny_preset, sample_folder):
    job = Import(Request(str(sample_folder), str(tiny_preset)))
    assert job.status() is None
    job.start()
    status = wait(job, jobs.FINISHED)
    assert store.Corpus(paths.locate(status.corpus)).articles("train") == 24
    assert (status.articles, status.error) == (32, None)


def test_an_import_that_fails_says_why(root, tiny_preset, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    job = Import(Request(str(tmp_path / "a.pdf"), str(tiny_preset), previewed=True))
    job.start()
    said = str(wait(job, jobs.FAILED).error)
    assert "a.pdf holds no article that can be used. a.pdf is a PDF that is damaged or cannot be read" in said


def test_what_a_program_makes_out_is_used_where_somebody_looked_at_it_alone(root, tiny_preset, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(EngineError, match="look at what was read, then train on that"):
        import_job.prepared_apart(Request(str(tmp_path / "a.pdf"), str(tiny_preset)))


def test_the_question_whether_a_part_is_enough_comes_out_of_the_process_whole(root, tiny_preset, tmp_path):
    path = tmp_path / "a.jsonl"
    good = [json.dumps({"id": str(n), "text": f"a text of number {n}"}) for n in range(4)]
    path.write_text("\n".join([*good, *["{broken"] * 5]))
    with pytest.raises(EngineError) as caught:
        import_job.prepared_apart(Request(str(path), str(tiny_preset)))
    assert caught.value.template == finishing.FEW_READ
    reason = caught.value.values["reason"]
    assert isinstance(reason, EngineError)  # and so in the language of whoever is asked
    assert reason.values == {"path": "a.jsonl", "line": 5} and str(reason) in str(caught.value)
    accepted = Request(str(path), str(tiny_preset), accept_part=True)
    assert Request.from_json(json.loads(json.dumps(accepted.to_json()))) == accepted
    prepared = import_job.prepared_apart(accepted)
    assert prepared is not None and prepared.skipped.count == 5


def test_an_import_stops_when_asked_and_goes_on_from_there(root, tiny_preset, tmp_path):
    source = tmp_path / "all.jsonl"
    lines = [article_line(n, 600) for n in range(40)]
    with open(source, "w") as file:
        for _ in range(60):
            file.write("\n".join(lines) + "\n")
    job = Import(Request(str(source), str(tiny_preset)))
    job.start()
    until(lambda: job.status().articles, 60)
    job.stop()
    status = wait(job, jobs.STOPPED)
    assert 0 < status.articles < 2_400
    job.start()
    status = wait(job, jobs.FINISHED)
    assert status.articles == 2_400


def test_an_import_that_ends_while_it_is_looked_at_is_not_taken_for_an_interrupted_one(
    root, tiny_preset, sample_folder, monkeypatch
):
    job = Import(Request(str(sample_folder), str(tiny_preset)))
    monkeypatch.setattr(jobs.launch, "detached", lambda *arguments, log: None)
    job.start()
    alive = jobs.Job.alive

    def ends(self):
        jobs.work(self._file, import_job._import)
        return alive(self)

    monkeypatch.setattr(jobs.Job, "alive", ends)
    status = job.status()
    assert (status.state, status.alive) == (jobs.FINISHED, False)

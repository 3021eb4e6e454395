"""The studio: a real process with a tiny model that streams, survives bad requests, and ends when idle."""

import json
import multiprocessing.connection as mpc
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from pubmed_helpers import article_line
from waiting_helpers import until

from engine.core.errors import EngineError
from engine.core.files import read_json
from engine.core.progress import Cancelled, Phase
from engine.inference.samples import streaming
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, manifests, references
from engine.runs.settings import RunSettings
from engine.services import inference_client, inference_server, writing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_preset, sample_folder):
    """A folder of runs with two checkpoints of different weights, and a studio that is ready."""
    from engine.models import loading

    root = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CHECKPOINTS", str(root))
        patch.setenv("ATELIER_CORPORA", str(root / ".corpora"))
        patch.setenv("ATELIER_STUDIO_IDLE_SECONDS", "600")
        settings = RunSettings(preset=str(tiny_preset), articles=str(sample_folder), name="run", steps=2)
        run = lifecycle.create(settings, root=root)
        preset = catalogue.find(tiny_preset)
        model, _ = loading.load(references.ModelReference(preset))
        rng = np.random.default_rng(0)
        for step in (1, 2):
            weights = [w + rng.normal(0, 0.3, w.shape).astype(w.dtype) for w in model.backbone.get_weights()]
            model.backbone.set_weights(weights)
            facts = {"preset": catalogue.json_of(preset)}
            with checkpoints.commit(run, step, facts) as staging:
                loading.save_weights(model, staging / checkpoints.WEIGHTS)
        inference_client.ensure(root)
        inference_client.wait_until_ready(root)
        yield root
        kill(root)


def rename_step(folder, step: int) -> None:
    """Makes the manifest of a moved checkpoint name the step of its folder."""
    manifest = read_json(folder / manifests.MANIFEST)
    del manifest["manifest_sha256"]
    checkpoints.with_manifest(checkpoints.Checkpoint(folder, manifest), step=step)


def kill(root):
    pid = read_json(inference_server.address_path(root)).get("pid")
    if pid and psutil.pid_exists(pid):
        psutil.Process(pid).kill()
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)


def column(reference, **changes):
    fixed = {"max_new_tokens": 12, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 3}
    return {"reference": str(reference), **fixed, **changes}


def generate(*columns, prompt="the cells"):
    return {"kind": "generate", "prompt": prompt, "columns": list(columns)}


def texts(root, *columns, prompt="the cells") -> list[str]:
    """The finished texts, column by column and in each sample by sample."""
    found = {}
    for message in inference_client.stream(generate(*columns, prompt=prompt), root):
        assert message["kind"] != "error", message
        if message["kind"] == "done":
            found[message["column"], message["sample"]] = message["text"]
    return [found[place] for place in sorted(found)]


class Connection:
    """Takes what is sent to a client that is there, or gone."""

    def __init__(self, gone):
        self.sent, self.gone = [], gone

    def poll(self, seconds):
        return self.gone

    def recv_bytes(self, most):
        raise EOFError

    def send_bytes(self, content):
        self.sent.append(json.loads(content))

    def kinds(self):
        return [message["kind"] for message in self.sent]


def test_columns_stream_and_name_their_weights(place, tiny_preset):
    messages = list(inference_client.stream(generate(column(tiny_preset), column("run/1"), column("run/2")), place))
    started = {m["column"]: m["hash"] for m in messages if m["kind"] == "started"}
    assert started[0] == catalogue.find(tiny_preset).hash()
    assert started[1] == checkpoints.find("run/1", place).hash
    assert {m["column"] for m in messages if m["kind"] == "done"} == {0, 1, 2}
    last = {m["column"]: m["text"] for m in messages if m["kind"] == "done"}
    assert len(set(last.values())) == 3


def test_the_same_seed_gives_the_same_text(place, tiny_preset):
    one, two, other = texts(place, column(tiny_preset), column(tiny_preset), column(tiny_preset, seed=4))
    assert one == two != other


def test_samples_have_seeds_that_count_on_and_a_beam_has_one_text(place, tiny_preset):
    three = texts(place, column(tiny_preset, samples=3))
    assert three == [texts(place, column(tiny_preset, seed=seed))[0] for seed in (3, 4, 5)]
    assert len(texts(place, column(tiny_preset, samples=3, temperature=0))) == 1
    messages = list(inference_client.stream(generate(column(tiny_preset, samples=3, beams=3)), place))
    assert [m["kind"] for m in messages if m["kind"] != "progress"] == ["prompt", "started", "done"]
    assert messages[-1]["tokens_per_second"] > 0
    assert "".join(messages[-1]["pieces"]) == messages[-1]["text"]
    (error,) = [
        m for m in inference_client.stream(generate(column(tiny_preset, beams=9)), place) if m["kind"] == "error"
    ]
    assert error["column"] == 0


def test_an_article_is_continued_beside_itself(place, tiny_preset, sample_folder):
    passage = {"articles": str(sample_folder), "number": 2, "tokens": 10}
    request = {"kind": "generate", "passage": passage, "columns": [column(tiny_preset), column("run/1")]}
    messages = list(inference_client.stream(request, place))
    abstract = json.loads(article_line(29))["abstract_text"][0].removeprefix("<S> ").removesuffix(" </S>")
    assert messages[0]["kind"] == "prompt"
    whole = messages[0]["text"] + messages[0]["article"]
    assert len(whole) > 60 and f"Abstract\n{abstract}".startswith(whole)
    assert {m["column"] for m in messages if m["kind"] == "done"} == {0, 1}
    (error,) = inference_client.stream({**request, "passage": {**passage, "number": 99}}, place)
    assert error["column"] is None and "99" in str(error["values"])


def test_a_prompt_that_is_too_long_says_what_was_dropped_and_other_weights_are_refused(place, tiny_preset):
    messages = list(inference_client.stream(generate(column(tiny_preset), prompt="the cells " * 200), place))
    (started,) = [m for m in messages if m["kind"] == "started"]
    assert started["dropped_tokens"] > 300 and started["prompt_tokens"] == 64 - 12
    assert started["environment"]["precision"] == "float32" and "tensorflow" in started["environment"]["versions"]
    was = checkpoints.find("run/1", place).hash
    (error,) = inference_client.stream(generate(column("run/2", hash=was)), place)
    assert "other weights" in error["template"]
    assert texts(place, column("run/1", hash=was))


def test_swapped_weights_swap_the_columns(place):
    before = texts(place, column("run/1"), column("run/2"))
    folders = [place / "run" / f"step-0000000{n}" for n in (1, 2)]
    aside = place / "aside"
    folders[0].rename(aside)
    folders[1].rename(folders[0])
    aside.rename(folders[1])
    for number, folder in enumerate(folders, 1):  # the manifest names the step of the folder it lies in now
        rename_step(folder, number)
    assert texts(place, column("run/1"), column("run/2")) == before[::-1]


def test_a_damaged_checkpoint_is_a_sentence_in_its_column_and_the_others_go_on(place, tiny_preset):
    shutil.copytree(place / "run" / "step-00000001", place / "run" / "step-00000009")
    folder = place / "run" / "step-00000009"
    rename_step(folder, 9)
    content = bytearray((folder / checkpoints.WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / checkpoints.WEIGHTS).write_bytes(content)
    messages = list(inference_client.stream(generate(column("run/9"), column(tiny_preset)), place))
    (error,) = [m for m in messages if m["kind"] == "error"]
    assert error["column"] == 0
    assert "is damaged" in error["template"]
    assert any(m["kind"] == "done" and m["column"] == 1 for m in messages)
    shutil.rmtree(folder)


def test_what_it_does_not_know_is_a_sentence(place, tiny_preset):
    for request in ({"kind": "dance"}, {"kind": "generate"}, generate(column("nothing"))):
        messages = list(inference_client.stream(request, place))
        assert [m["kind"] for m in messages] == ["error"]
    assert texts(place, column(tiny_preset, temperature=0), prompt="")[0]


def test_it_measures_with_progress(place, tiny_preset, sample_folder):
    request = {"kind": "evaluate", "reference": str(tiny_preset), "articles": str(sample_folder), "split": "test"}
    messages = list(inference_client.stream(request, place))
    assert [m["kind"] for m in messages if m["kind"] != "progress"] == ["result"]
    assert messages[-1]["scores"]["evaluated_tokens"] > 100


def test_preparing_the_articles_of_a_measurement_is_told_and_ends_when_the_client_hangs_up(
    tmp_path, monkeypatch, tiny_preset, sample_folder
):
    monkeypatch.setenv("ATELIER_CORPORA", str(tmp_path / "corpora"))
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(tmp_path))  # nothing was measured there before
    request = {"kind": "evaluate", "reference": str(tiny_preset), "articles": str(sample_folder), "split": "test"}
    left, stays = Connection(gone=True), Connection(gone=False)
    with pytest.raises(Cancelled):
        inference_server.Studio(tmp_path).answer(request, inference_server.Client(left))
    assert left.sent == []
    inference_server.Studio(tmp_path).answer(request, inference_server.Client(stays))
    *told, result, end = stays.sent
    assert (result["kind"], end["kind"]) == ("result", "end")
    phases = [message["phase"] for message in told]
    assert list(dict.fromkeys(phases)) == [Phase.PREPARING, Phase.COMPARING, Phase.EVALUATING]
    assert [m["articles"] for m in told if m["phase"] == Phase.COMPARING] == [32]
    assert told[-1]["done"] == told[-1]["total"] > 0


def test_a_client_that_says_nothing_keeps_nobody_out(place, tiny_preset):
    with mpc.Client(read_json(inference_server.address_path(place))["address"]):
        assert texts(place, column(tiny_preset))[0]


def test_a_wrong_key_is_refused(place):
    where = read_json(inference_server.address_path(place))
    with mpc.Client(where["address"]) as connection, pytest.raises((mpc.AuthenticationError, EOFError, OSError)):
        mpc.answer_challenge(connection, b"wrong" * 8)
        mpc.deliver_challenge(connection, b"wrong" * 8)


def test_a_studio_that_is_killed_is_a_sentence_and_starts_anew(place, tiny_preset):
    much = [column(tiny_preset, max_new_tokens=60)] * 300  # more than fits into the connection before the kill
    stream = inference_client.stream(generate(*much), place)
    next(stream)
    kill(place)
    with pytest.raises(EngineError, match="ended while it was working"):
        list(stream)
    inference_client.ensure(place)
    inference_client.wait_until_ready(place)
    assert texts(place, column(tiny_preset))[0]


def test_it_ends_by_itself_when_idle(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_STUDIO_IDLE_SECONDS", "0.5")
    inference_client.ensure(tmp_path)
    with pytest.raises(EngineError):  # ready for half a second, then gone
        inference_client.wait_until_ready(tmp_path)
        until(lambda: not inference_client.phase(tmp_path))
        inference_client.wait_until_ready(tmp_path, timeout_seconds=1)
    assert not inference_server.address_path(tmp_path).exists()


def test_it_looks_at_a_text_under_two_models(place, tiny_preset, sample_folder):
    passage = {"articles": str(sample_folder), "split": "test", "number": 2, "first": 5, "count": 30}
    messages = list(
        inference_client.stream({"kind": "look", "references": [str(tiny_preset), "run/2"], "passage": passage}, place)
    )
    assert [m["kind"] for m in messages] == ["passage", "looked", "looked"]
    assert len(messages[0]["pieces"]) == 30 and messages[0]["cut"]
    one, two = messages[1:]
    assert (one["hash"], two["hash"]) == (
        catalogue.find(tiny_preset).hash(),
        checkpoints.find("run/2", place).hash,
    )
    assert len(one["probabilities"]) == len(one["alternatives"]) == 30
    assert one["probabilities"] != two["probabilities"]
    (error,) = inference_client.stream({"kind": "look", "references": ["run/1"], "text": " "}, place)
    assert "no text" in error["template"]


def test_it_finds_the_places_that_changed_most(place, tiny_preset, sample_folder):
    request = {"kind": "places", "references": [str(tiny_preset), "run/2"], "articles": str(sample_folder)}
    *progress, result = inference_client.stream({**request, "split": "test"}, place)
    assert progress[-1]["done"] == progress[-1]["total"] == 4
    assert result["places"]["gained_tokens"][0]["bits"] > 0


def test_a_request_that_waits_for_other_work_is_told_so_and_can_be_given_up(tmp_path, tiny_preset):
    studio = inference_server.Studio(tmp_path)
    waits, leaves = Connection(gone=False), Connection(gone=False)
    with ThreadPoolExecutor(2) as pool, studio.turn:  # an evaluation, say
        first, second = (
            pool.submit(studio.answer, generate(column(tiny_preset)), inference_server.Client(connection))
            for connection in (waits, leaves)
        )
        until(lambda: waits.kinds() == leaves.kinds() == ["waiting"])
        leaves.gone = True
        with pytest.raises(Cancelled):
            second.result(10)
        studio.turn.release()
        first.result(60)
        studio.turn.acquire()  # for the block to release
    assert list(dict.fromkeys(waits.kinds())) == ["waiting", "begun", "prompt", "started", "text", "done", "end"]
    assert leaves.kinds() == ["waiting"]


def test_pages_that_ask_at_the_same_time_are_served_together_each_as_if_it_were_alone(place, tiny_preset):
    """One that comes in the middle of another's text has its own before that one ends; and one that hangs up stops nobody."""
    long = column(tiny_preset, max_new_tokens=60, samples=4, temperature=1.3)
    alone = texts(place, long), texts(place, column(tiny_preset), column("run/1"), prompt="in this study")
    first = inference_client.stream(generate(long), place)
    told = [next(first)["kind"], next(first)["kind"]]
    assert told == ["prompt", "started"]
    left = inference_client.stream(generate(long), place)
    next(left)
    left.close()
    assert texts(place, column(tiny_preset), column("run/1"), prompt="in this study") == alone[1]
    rest = list(first)
    assert {message["kind"] for message in rest} <= {"text", "done"}
    assert [m["text"] for m in sorted(rest, key=lambda m: m["sample"]) if m["kind"] == "done"] == alone[0]


def test_of_a_class_that_asks_at_once_some_wait_so_that_memory_suffices(tmp_path, tiny_preset, monkeypatch):
    monkeypatch.setattr(writing, "MOST_TEXTS", 3)
    under_way, take = [], streaming.Desk.take

    def note(self, *rest, **named):
        under_way.append(self.texts())
        take(self, *rest, **named)

    monkeypatch.setattr(streaming.Desk, "take", note)
    studio, pages = inference_server.Studio(tmp_path), [Connection(gone=False) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda page: studio.answer(generate(column(tiny_preset, samples=2)), inference_server.Client(page)),
                pages,
            )
        )
    assert len(under_way) == 6 and max(under_way) < 3
    ended = [[m["text"] for m in page.sent if m["kind"] == "done"] for page in pages]
    assert all(page.kinds()[-1] == "end" for page in pages) and ended == [ended[0]] * 6 and len(ended[0]) == 2


def test_a_request_with_a_fault_in_it_is_told_once_and_nothing_of_it_goes_on(tmp_path, tiny_preset):
    studio, page = inference_server.Studio(tmp_path), Connection(gone=False)
    faulty = column(tiny_preset)
    del faulty["seed"]
    with pytest.raises(KeyError):
        studio.answer(generate(column(tiny_preset), faulty), inference_server.Client(page))
    told = page.kinds()
    assert told == ["prompt", "started"]
    other = Connection(gone=False)
    studio.answer(generate(column(tiny_preset)), inference_server.Client(other))
    assert page.kinds() == told and other.kinds()[-1] == "end"

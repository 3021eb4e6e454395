"""A folder that was deleted by hand: nothing that is written brings it back, and whoever worked there ends."""

import shutil
import subprocess
import sys

import pytest
from project import PROJECT
from runs_helpers import a_request
from waiting_helpers import until

from engine.core import files, folders
from engine.core.errors import GoneError
from engine.core.locks import Lock, held
from engine.evaluation import cache
from engine.inference.samples import saved
from engine.runs import lifecycle, states
from engine.services import dispatcher, inference_client, inference_server


def test_nothing_that_is_written_brings_a_deleted_folder_back(root):
    run = lifecycle.create(a_request(name="one"), root=root)
    shutil.rmtree(run.folder)
    for write in (
        lambda: run.write_state(state=states.RUNNING),
        lambda: run.append_event("step", step=1),
        lambda: run.keep_last_words(),
        lambda: run.request_stop(),
        lambda: run.request_resume(),
        lambda: Lock(run.folder / "lock").acquire(),
        lambda: dispatcher.start_trainer(run, "cpu"),
        lambda: files.write_json(run.folder / "pins.json", {}),
        lambda: folders.staged_folder(run.folder / "step-00000001").__enter__(),
    ):
        with pytest.raises(GoneError, match="is gone: it was deleted or moved"):
            write()
    dispatcher.settle(run, -9)
    assert not run.folder.exists()
    assert lifecycle.create(a_request(name="one"), root=root).state().state == states.QUEUED
    shutil.rmtree(root)
    for write in (
        lambda: cache.write({"a": 1}, 1, root),
        lambda: folders.clear_old(root / ".exports", 1.0),
        lambda: saved._folder(root) and Lock(dispatcher.lock_path(root)).acquire(),
        lambda: inference_client.ensure(root),
    ):
        with pytest.raises(GoneError):
            write()
    dispatcher.ensure(root)
    assert not root.exists()


def test_a_dispatcher_clears_what_a_trainer_wrote_while_its_folder_was_deleted(root):
    run = lifecycle.create(a_request(name="one"), root=root)
    (run.folder / "config.json").unlink()
    (run.folder / "heartbeat").touch()
    dispatcher.settle(run, 0)
    assert not run.folder.exists() and not list(root.glob(".*gone"))
    whole = lifecycle.create(a_request(name="one"), root=root)
    lifecycle.clear_remains(whole)
    assert whole.exists()  # a run stays


@pytest.mark.parametrize("deleted", ["root", pytest.param("locks", marks=pytest.mark.long)])
def test_a_studio_whose_folder_is_gone_ends(root, deleted):
    log = root.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.services.inference_server", str(root)], cwd=PROJECT, stderr=output
        )
    with process:
        until(lambda: inference_client.phase(root), 60)
        if deleted == "locks":  # another studio may start from here on
            until(lambda: inference_client.ready(root), 120)
        shutil.rmtree(root if deleted == "root" else root / ".locks")
        assert process.wait(120) == 0
    assert "Traceback" not in log.read_text()
    assert not (root if deleted == "root" else root / ".locks").exists()
    assert not held(inference_server.lock_path(root))

"""Thirty people at the same instant: whatever names, creates, counts or starts holds for threads and for two servers."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from pages_helpers import new_session
from project import PROJECT
from runs_helpers import MINI, SAMPLE, a_request
from waiting_helpers import until

from engine.core import files, folders, jobs, launch, machine, paths
from engine.core.errors import EngineError, TakenError
from engine.core.locks import Lock
from engine.evaluation import cache
from engine.runs import lifecycle, plans, queue, retention
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.settings import RunSettings
from engine.services import dispatcher, inference_client, inference_server

PEOPLE = 30


def at_once(people: int, ask) -> list:
    """What `ask(number)` returns or raises for each of them, all let go at the same instant."""
    together = threading.Barrier(people)

    def one(number: int):
        together.wait()
        try:
            return ask(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(people) as pool:
        return list(pool.map(one, range(people)))


@pytest.fixture
def checked(monkeypatch):
    """Requests are taken for checked: what the check reads is the same for all of them."""
    monkeypatch.setattr(queue.submission, "check", lambda settings, planned=(): settings)


# Names and folders


def test_eight_threads_create_320_runs(root):
    def create(number: int) -> list[str]:
        return [lifecycle.create(a_request(name=f"run-{number}-{n}"), root=root).name for n in range(40)]

    made = [name for names in at_once(8, create) for name in names]
    assert len(set(made)) == 320 == len(lifecycle.all_runs(root))
    assert len({run.config["id"] for run in lifecycle.all_runs(root)}) == 320
    assert not list(root.glob(".*"))


def test_of_thirty_that_want_one_name_one_gets_it_and_its_folder_is_its_own(root):
    found = at_once(PEOPLE, lambda number: lifecycle.create(a_request(name="one", seed=number), root=root))
    (run,) = [made for made in found if isinstance(made, Run)]
    assert [type(error) for error in found if not isinstance(error, Run)] == [TakenError] * (PEOPLE - 1)
    assert found.index(run) == run.settings.seed
    assert [path.name for path in root.iterdir()] == ["one"]


@pytest.mark.parametrize("there", ["folder", "empty", "file"])
def test_what_bears_the_name_already_stays(root, there):
    if there == "file":
        (root / "one").write_text("mine")
    else:
        (root / "one").mkdir()
    if there == "folder":
        (root / "one" / "mine.txt").write_text("mine")
    former = sorted(root.rglob("*"))
    with pytest.raises(TakenError):
        lifecycle.create(a_request(name="one"), root=root)
    with pytest.raises(FileExistsError), folders.staged_folder(root / "one", exclusive=True) as staging:
        (staging / "new").write_text("new")
    assert sorted(root.rglob("*")) == former


def test_a_folder_that_came_between_the_look_and_the_rename_stays(root, monkeypatch):
    monkeypatch.setattr(files.os.path, "lexists", lambda path: False)  # it was not there a moment ago
    lifecycle.create(a_request(name="one", seed=1), root=root)
    with pytest.raises(TakenError):
        lifecycle.create(a_request(name="one", seed=2), root=root)
    assert lifecycle.find("one", root).settings.seed == 1


def test_threads_that_write_one_file_leave_it_whole_and_nothing_else(tmp_path):
    def write(number: int) -> None:
        for n in range(20):
            files.write_json(tmp_path / "control.json", {"number": number, "n": n}, durable=False)

    assert at_once(PEOPLE, write) == [None] * PEOPLE
    assert files.read_json(tmp_path / "control.json")["n"] == 19
    assert [path.name for path in tmp_path.iterdir()] == ["control.json"]


def test_a_sweep_spares_what_a_living_thread_or_process_writes_and_takes_what_a_dead_one_left(tmp_path):
    code = (
        "import sys; from pathlib import Path; from engine.core.folders import staged_folder\n"
        "with staged_folder(Path(sys.argv[1])) as folder: print(folder, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "theirs")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": PROJECT}
    with subprocess.Popen(command, **pipes) as process, folders.staged_folder(tmp_path / "mine"):
        theirs = Path(process.stdout.readline().strip())
        (tmp_path / f".old.{psutil.Process().pid}.tmp").write_text("of a dead process that had this one's number")
        (tmp_path / ".older.999999.tmp").mkdir()
        files.sweep(tmp_path)
        assert theirs.is_dir()
        assert len(list(tmp_path.iterdir())) == 2
        process.kill()
        process.wait()
        assert theirs.is_dir()
        files.sweep(tmp_path)
        assert not theirs.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_small_file_whose_temporary_one_is_swept_away_is_written_again(tmp_path, monkeypatch):
    real, swept = files.replace, []

    def sweeping(source, target):
        if not swept:  # by a process of another container, which cannot see this one
            swept.append(source)
            source.unlink()
        real(source, target)

    monkeypatch.setattr(files, "replace", sweeping)
    files.write_json(tmp_path / "a.json", {"a": 1})
    assert swept and files.read_json(tmp_path / "a.json") == {"a": 1}


# The queue


def test_thirty_different_requests_are_thirty_runs_with_a_place_each(root, checked):
    entries = at_once(PEOPLE, lambda number: queue.enter(a_request(seed=number), "lab", join=True, root=root))
    assert all(isinstance(entry, queue.Entry) and not entry.joined for entry in entries), entries
    found = queue.positions(root)
    assert [place.position for place in found] == list(range(1, PEOPLE + 1))
    assert {place.of for place in found} == {PEOPLE}
    assert {place.run.settings.seed for place in found} == set(range(PEOPLE))


def test_thirty_equal_requests_are_one_run_that_the_others_join(root, checked):
    entries = at_once(PEOPLE, lambda number: queue.enter(a_request(), "lab", join=True, root=root))
    assert len({entry.run.name for entry in entries}) == 1 == len(lifecycle.all_runs(root))
    assert sorted(entry.joined for entry in entries) == [False] + [True] * (PEOPLE - 1)


_SERVER = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from engine.runs import queue
from engine.runs.settings import RunSettings
root, seeds = Path(sys.argv[1]), [int(seed) for seed in sys.argv[2].split(",")]
queue.submission.check = lambda settings, planned=(): settings
print("ready", flush=True); sys.stdin.readline()
def press(seed):
    return queue.enter(RunSettings({mini!r}, {sample!r}, "unnamed", steps=4, seed=seed), "lab", join=True, root=root).run.name
with ThreadPoolExecutor(len(seeds)) as pool:
    print(" ".join(pool.map(press, seeds)), flush=True)
""".replace("{mini!r}", repr(MINI)).replace("{sample!r}", repr(SAMPLE))


@pytest.mark.parametrize(("seeds", "made"), [(([1] * 15, [1] * 15), 1), ((range(15), range(15, 30)), 30)])
def test_two_servers_make_as_many_runs_as_there_are_different_requests(root, seeds, made):
    commands = [[sys.executable, "-c", _SERVER, str(root), ",".join(map(str, own))] for own in seeds]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": PROJECT}
    servers = [subprocess.Popen(command, **pipes) for command in commands]
    assert [server.stdout.readline() for server in servers] == ["ready\n"] * 2
    for server in servers:
        server.stdin.write("go\n")
        server.stdin.flush()
    names = [name for server in servers for name in server.communicate(timeout=120)[0].split()]
    assert len(names) == PEOPLE
    assert len(set(names)) == made == len(lifecycle.all_runs(root))


def test_whoever_chose_a_name_has_a_run_of_their_own_and_another_request_is_not_joined(root, checked):
    first = queue.enter(a_request(name="mine"), root=root)
    joins = queue.enter(a_request(), "lab", join=True, root=root)
    assert (joins.run.name, joins.joined) == ("mine", True)
    assert not queue.enter(a_request(name="yours"), root=root).joined
    assert not queue.enter(a_request(), "run", root=root).joined  # a command
    for changes in ({"seed": 2}, {"steps": 5}, {"articles": "other"}):
        assert not queue.enter(a_request(**changes), "lab", join=True, root=root).joined
    with pytest.raises(TakenError):
        queue.enter(a_request(name="mine"), root=root)
    first.run.request_stop()
    lifecycle.find("yours", root).request_stop()
    for run in queue.waiting(root):
        run.request_stop()
    assert not queue.enter(a_request(), "lab", join=True, root=root).joined  # what has ended is not joined


def test_a_limit_of_those_who_wait_holds_at_the_same_instant_and_whoever_joins_is_not_asked(root, checked):
    def admit(settings: RunSettings, waiting: list[Run]) -> None:
        if len(waiting) >= 5:
            raise EngineError("full")

    entries = at_once(PEOPLE, lambda n: queue.enter(a_request(seed=n), "lab", join=True, root=root, admit=admit))
    assert sum(isinstance(entry, queue.Entry) for entry in entries) == 5 == len(queue.waiting(root))
    seed = queue.waiting(root)[0].settings.seed
    assert queue.enter(a_request(seed=seed), "lab", join=True, root=root, admit=admit).joined


def test_stages_are_joined_as_a_whole_or_not_at_all(root, checked):
    plan = plans.parse(
        {"title": "two", "articles": 8, "stage": [{"name": "first", "range": "1-2", "parent": "base", "steps": 2},
                                                  {"name": "next", "range": "3-8", "parent": "first", "steps": 2}]},
        "two",
    )  # fmt: skip
    stages = plans.settings(plan, SAMPLE, queue.UNNAMED, preset=MINI)
    entries = at_once(PEOPLE, lambda number: queue.enter_stages(stages, queue.UNNAMED, "plan", join=True, root=root))
    assert {tuple(entry.run.name for entry in own) for own in entries} == {
        tuple(run.name for run in queue.waiting(root))
    }
    first, following = queue.waiting(root)
    assert following.settings.after == first.name == following.settings.parent
    first.request_stop()
    others = queue.enter_stages(stages, queue.UNNAMED, "plan", join=True, root=root)
    assert [entry.joined for entry in others] == [False, False]
    assert len({run.name for run in lifecycle.all_runs(root)}) == 4


@pytest.mark.parametrize("people", [6, pytest.param(PEOPLE, marks=pytest.mark.long)])
def test_sessions_that_press_the_button_are_led_to_one_run_and_told_so(root, monkeypatch, people):
    """All saw a page without a run. AppTest runs one script at a time; what happens within one is tested above."""
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)
    apps = [new_session() for _ in range(people)]
    for app in apps:
        app.session_state["language"] = "en"
        app.run()
    for app in apps:
        app.button(key="lab_start").click().run()
        assert not app.exception and not app.error
    (run,) = lifecycle.all_runs(root)
    assert {app.session_state["run"] for app in apps} == {run.name}
    joined = [any("your request has joined it" in caption.value for caption in app.caption) for app in apps]
    assert joined == [False] + [True] * (people - 1)
    assert all(any("Place 1 of 1 in the queue: it is next." in m.value for m in app.markdown) for app in apps)


# What else many do at once


class FakeProcess:
    def poll(self):
        return None


@pytest.mark.parametrize("ensure", [dispatcher.ensure, inference_client.ensure])
def test_thirty_threads_start_one_process(root, monkeypatch, ensure):
    started, locks = [], []
    names = {"engine.services.dispatcher": "dispatcher.lock", "engine.services.inference_server": "studio.lock"}

    def detached(module, *arguments, log):
        started.append(module)
        locks.append(Lock(root / ".locks" / names[module]))
        threading.Timer(0.3, locks[-1].acquire, [1.0]).start()  # it takes a moment to load
        return FakeProcess()

    monkeypatch.setattr(launch, "detached", detached)
    monkeypatch.setattr(machine, "require_memory", lambda needed, folder: None)
    assert at_once(PEOPLE, lambda number: ensure(root)) == [None] * PEOPLE
    assert len(started) == 1
    inference_server.address_path(root).write_text("{}")
    ensure(root)
    assert inference_server.address_path(root).exists()  # a late one takes nothing away from the studio that is there
    locks[0].release()


def test_where_the_process_that_is_being_started_dies_the_next_who_asks_starts_another(root, monkeypatch):
    """Its starter holds the lock of starters still when the other asks: a killed dispatcher is replaced."""
    started = []

    class Dies:
        def poll(self):
            return None if time.monotonic() < started[0] + 0.5 else 1

    monkeypatch.setattr(launch, "detached", lambda module, *arguments, log: started.append(time.monotonic()) or Dies())
    first = threading.Thread(target=dispatcher.ensure, args=(root,))
    first.start()
    until(lambda: started)
    dispatcher.ensure(root)
    first.join()
    assert len(started) == 2


def test_thirty_threads_start_one_job(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(jobs.launch, "detached", lambda *arguments, log: started.append(arguments))
    job = jobs.Job(tmp_path / "corpora" / "a.json", "engine.services.import_job")
    assert at_once(PEOPLE, lambda number: job.start("preparing", request={})) == [None] * PEOPLE
    assert len(started) == 1


def test_thirty_pins_are_thirty_pins(root):
    run = lifecycle.create(a_request(name="one"), root=root)
    at_once(PEOPLE, lambda n: retention.pin(Checkpoint(run.folder / f"step-{n:08d}", {"step": n}), True))
    assert retention.pinned(run) == set(range(PEOPLE))


def test_results_kept_at_once_and_uploads_of_the_same_are_whole(root, monkeypatch):
    from ui import sources

    assert at_once(PEOPLE, lambda n: cache.write({"a": n % 3}, n % 3, root)) == [None] * PEOPLE
    assert [cache.read({"a": n}, root) for n in range(3)] == [0, 1, 2]
    found = at_once(PEOPLE, lambda n: sources.save_uploads([("a.txt", b"An article.")]))
    assert len(set(found)) == 1 and paths.locate(found[0]).read_bytes() == b"An article."
    assert sorted(path.name for path in root.iterdir()) == [".evaluations", ".uploads"]


def test_old_files_are_cleared_by_thirty_at_once(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    for n in range(200):
        (folder / str(n)).touch()
    assert at_once(PEOPLE, lambda number: folders.clear_old(folder, -1.0)) == [None] * PEOPLE
    assert not list(folder.iterdir())

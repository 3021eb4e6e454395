"""How often a run's figures on test were looked at: counted once each, however many look at once."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from pages_helpers import a_run

from engine.core.errors import GoneError
from engine.runs import looks_at_test as looks


def test_thirty_that_look_at_once_are_thirty_looks(root):
    run = a_run(root)
    with ThreadPoolExecutor(30) as pool:
        found = list(pool.map(lambda _n: looks.add(run), range(30)))
    assert sorted(found) == list(range(1, 31)) and looks.counted(run) == 30


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"looks": "many"}', b'{"looks": -3}', b'{"looks": true}'])
def test_a_damaged_count_begins_anew(root, damage):
    run = a_run(root)
    (run.folder / looks.FILE).write_bytes(damage)
    assert looks.counted(run) == 0 and looks.add(run) == 1
    assert json.loads((run.folder / looks.FILE).read_text(encoding="utf-8")) == {"looks": 1}


def test_of_a_run_that_is_gone_nothing_is_counted(root):
    run = a_run(root)
    shutil.rmtree(run.folder)
    assert looks.counted(run) == 0
    with pytest.raises(GoneError):
        looks.add(run)
    assert not run.folder.exists()

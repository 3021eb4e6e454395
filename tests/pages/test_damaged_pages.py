"""All pages open beside broken runs, name them, and let the owner delete them."""

import pytest
from damage_helpers import CONFIG, DEEP, EDITS, PAGE_STEP, WHOLE, become, damaged_run, every_page
from pages_helpers import a_run, press
from streamlit.testing.v1 import AppTest

from engine.runs import lifecycle, states
from ui import words

pytestmark = pytest.mark.usefixtures("no_studio", "on_the_cpu")


# The edits: what is done to which file, and whether the run can still be used


def test_pages_open_where_files_stand_for_the_folders_of_locks_and_results(root):
    for name in (".locks", ".samples", ".evaluations", ".exports"):
        (root / name).write_text("")
    a_run(root, "one")
    queued = a_run(root, "two")
    queued.write_state(state=states.QUEUED)
    every_page()


def test_all_pages_open_beside_many_edits_at_once(root):
    some = EDITS[::PAGE_STEP]
    for number, (file, _name, edit, _outcome) in enumerate(some):
        damaged_run(root, file, edit, f"edit-{number}")
    a_run(root, "healthy")
    broken = [f"edit-{number}" for number, edit in enumerate(some) if edit[-1] != WHOLE]
    listing = []

    def seen(page: str, app: AppTest) -> None:
        if page in ("lab", "checkpoints", "runs"):
            assert any(e.label == f"{len(broken)} runs are broken" for e in app.expander), page
            texts = [m.value for m in app.markdown]
            assert all(any(f"**{words.plain(name)}** · " in value for value in texts) for name in broken), page
            listing.append(page)
        if page == "runs":
            assert "healthy" in app.multiselect(key="compare_runs").options

    every_page(seen=seen)
    assert sorted(listing) == ["checkpoints", "lab", "runs"]


def test_the_owner_deletes_a_broken_run_on_the_page(root):
    a_run(root, "healthy")
    damaged_run(root, CONFIG, become(DEEP))
    app = every_page(["checkpoints"])
    press(app, "checkpoints_damaged_remove")
    app.text_input(key="removal_name").set_value("damaged")
    press(app, "checkpoints_damaged_remove", app.button(key="removal_yes"))
    assert not app.exception
    assert [run.name for run in lifecycle.all_runs(root)] == ["healthy"]

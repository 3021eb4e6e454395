"""Checkpoints: exactly the files that were written, damage noticed and named, the one before serves."""

import os

import pytest
from runs_helpers import new_settings

from engine.core import files
from engine.core.errors import CheckpointError
from engine.runs import checkpoints, lifecycle, manifests


def commit(run, step: int, content: bytes = b"weights"):
    with checkpoints.commit(run, step, {"tokens": step}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(content * step)
        (staging / checkpoints.TRAINING).write_bytes(b"state")


def test_which_checkpoints_were_passed_over_is_said_and_that_every_one_is_damaged(root):
    run = lifecycle.create(new_settings())
    for step in (2, 4, 6):
        commit(run, step)
    _, second, third = checkpoints.of_run(run)
    (second.folder / manifests.MANIFEST).write_text("{}")
    (third.folder / checkpoints.WEIGHTS).write_bytes(b"weighTs" * 6)  # of the same size: it must be read to be known
    assert [error.values["name"] for error in checkpoints.seen_damaged(run)] == ["one/4"]
    newest, damaged = checkpoints.newest_and_damaged(run)
    assert newest.step == 2
    assert [(error.values["name"], error.values["file"]) for error in damaged] == [
        ("one/6", checkpoints.WEIGHTS),
        ("one/4", manifests.MANIFEST),
    ]
    assert [error.values["name"] for error in checkpoints.seen_damaged(run)] == ["one/4", "one/6"]
    (newest.folder / checkpoints.WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="Every checkpoint of the run one is damaged: one/6, one/4, one/2"):
        checkpoints.find("one")


def test_a_bit_that_flips_without_a_trace_is_found_by_whoever_reads_afresh(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    commit(run, 4)
    newest = checkpoints.newest_verified(run)
    file = newest.folder / checkpoints.WEIGHTS
    status, content = file.stat(), bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    checkpoints.verify(newest)  # for a list
    with pytest.raises(CheckpointError, match="one/4 is damaged"):
        checkpoints.verify(newest, fresh=True)
    assert checkpoints.newest_verified(run).step == 2  # what was found is known from then on


def test_a_checkpoint_has_exactly_these_files_and_a_hash_of_each(root):
    run = lifecycle.create(new_settings())
    commit(run, 4)
    (checkpoint,) = checkpoints.of_run(run)
    assert sorted(p.name for p in checkpoint.folder.iterdir()) == ["manifest.json", "model.weights.h5", "training.npz"]
    assert set(checkpoint.manifest["files"]) == {"model.weights.h5", "training.npz"}
    checkpoints.verify(checkpoint)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(root, damage):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    commit(run, 4)
    newest = checkpoints.of_run(run)[-1]
    file = newest.folder / checkpoints.WEIGHTS
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[3] ^= 1
        file.write_bytes(content)
    elif damage == "truncate":
        file.write_bytes(content[:-1])
    else:
        file.unlink()
    with pytest.raises(CheckpointError, match="one/4"):
        checkpoints.verify(newest)
    assert checkpoints.newest_verified(run).step == 2


def test_every_flipped_bit_and_every_truncation_of_a_manifest_is_noticed_and_the_one_before_it_serves(root):
    run = lifecycle.create(new_settings())
    for step in (2, 4):
        commit(run, step)
        checkpoints.with_manifest(
            checkpoints.of_run(run)[-1], metrics={"validation": {"loss": 3.25}}, articles=[1, None]
        )
    file = checkpoints.of_run(run)[-1].folder / manifests.MANIFEST
    content = file.read_bytes()
    damaged = [content[:size] for size in range(len(content))]
    for position in range(len(content)):
        damaged += [
            content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :] for bit in range(8)
        ]
    for one in damaged:
        file.write_bytes(one)
        assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [2], one
    with pytest.raises(CheckpointError, match="one/4 is damaged: its manifest.json is not what was written"):
        checkpoints.find("one/4")
    assert checkpoints.find("one").step == 2
    file.write_bytes(content)
    assert checkpoints.newest_verified(run).step == 4


def test_a_checkpoint_written_before_manifests_had_hashes_of_themselves_is_read(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    file = checkpoints.of_run(run)[-1].folder / manifests.MANIFEST
    manifest = files.read_json(file)
    del manifest["manifest_sha256"]
    files.write_json(file, {**manifest, "schema_version": 1})
    assert checkpoints.newest_verified(run).step == 2
    files.write_json(file, {**manifest, "schema_version": 2})
    assert checkpoints.of_run(run) == []


def test_a_save_that_is_cut_off_leaves_the_former_checkpoint_and_no_other(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    with pytest.raises(RuntimeError), checkpoints.commit(run, 4, {}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"half")
        raise RuntimeError
    assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [2]
    assert sorted(p.name for p in run.folder.glob("*step-*")) == ["step-00000002"]


def test_what_a_killed_trainer_was_writing_is_swept_away(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    (run.folder / ".step-00000004.999.tmp").mkdir()
    (run.folder / ".step-00000004.999.tmp" / checkpoints.WEIGHTS).write_bytes(b"half")
    (run.folder / ".state.json.999.tmp").write_bytes(b"{")
    run.sweep()
    assert sorted(path.name for path in run.folder.glob(".*")) == []
    assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [2]


def test_the_last_checkpoint_of_a_run_is_kept(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    with pytest.raises(CheckpointError, match="is the last whole checkpoint"):
        checkpoints.delete(checkpoints.of_run(run)[0])
    commit(run, 4)
    checkpoints.delete(checkpoints.of_run(run)[0])
    assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [4]

"""What this machine has: within the limits of every control group around the process."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pages_helpers import open_page, played
from project import PLACES

from engine.core import cgroups, machine, numbers, paths
from engine.core.errors import ResourcesError, SettingsError
from engine.presets import memory
from engine.runs import needs, submission
from engine.runs.settings import RunSettings

GB = 1 << 30
V2_MOUNT = "30 24 0:26 {root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNT = "33 30 0:29 {root} /sys/fs/cgroup/{name} rw shared:9 - cgroup cgroup rw,{name}"


def tree(root: Path, cgroup: str, mounts: list[str], files: dict[str, str]) -> Path:
    """A made /proc/self and /sys/fs/cgroup."""
    for path, content in {
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": "\n".join(["22 1 8:1 / / rw - ext4 /dev/root rw", *mounts]),
        **files,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content + "\n")
    return root


def test_the_smallest_limit_of_nested_slices_counts_whichever_it_is(tmp_path):
    """A systemd slice of 1 GB around a service that has no limit of its own, on a machine of 24 GB."""
    fs = "sys/fs/cgroup"
    root = tree(
        tmp_path,
        "0::/class.slice/atelier.service",
        [V2_MOUNT.format(root="/")],
        {
            f"{fs}/cgroup.procs": "",  # the root group has no memory.max
            f"{fs}/class.slice/memory.max": str(GB),
            f"{fs}/class.slice/memory.current": str(700 << 20),
            f"{fs}/class.slice/memory.stat": f"anon 5\ninactive_file {200 << 20}\nactive_file 1",
            f"{fs}/class.slice/atelier.service/memory.max": "max",
            f"{fs}/class.slice/atelier.service/memory.high": "max",
            f"{fs}/class.slice/atelier.service/memory.current": str(300 << 20),
        },
    )
    assert [(m.limit_bytes, m.free_bytes) for m in cgroups.memory(root)] == [(GB, GB - (500 << 20))]


def test_every_level_counts_and_memory_high_as_much_as_memory_max(tmp_path):
    fs = "sys/fs/cgroup/a"
    root = tree(
        tmp_path,
        "0::/a/b/c",
        [V2_MOUNT.format(root="/")],
        {
            f"{fs}/memory.max": str(8 * GB),
            f"{fs}/memory.current": str(7 * GB),
            f"{fs}/b/memory.max": str(4 * GB),
            f"{fs}/b/memory.high": str(3 * GB),
            f"{fs}/b/memory.current": str(GB),
            f"{fs}/b/c/memory.max": "max",
            f"{fs}/b/c/cpu.max": "max 100000",
            f"{fs}/b/cpu.max": "150000 100000",
            f"{fs}/cpu.max": "400000 100000",
        },
    )
    found = cgroups.memory(root)
    assert min(m.limit_bytes for m in found) == 3 * GB  # of b
    assert min(m.free_bytes for m in found) == GB  # of a, of which others have taken most
    assert cgroups.cores(root) == 2  # one and a half cores' worth of time


@pytest.mark.parametrize(
    ("mounted", "group"),
    [("/", "/"), ("/docker/abc", "/docker/abc"), ("/docker/abc", "/elsewhere"), ("/", "/../../system.slice")],
)
def test_a_container_sees_its_own_group_as_the_top(tmp_path, mounted, group):
    root = tree(
        tmp_path,
        f"0::{group}",
        [V2_MOUNT.format(root=mounted)],
        {"sys/fs/cgroup/memory.max": str(GB), "sys/fs/cgroup/memory.current": str(GB // 4)},
    )
    assert [(m.limit_bytes, m.used_bytes) for m in cgroups.memory(root)] == [(GB, GB // 4)]


def test_version_1_counts_every_level_too_and_those_that_a_container_does_not_see(tmp_path):
    fs = "sys/fs/cgroup/memory"
    unlimited = str(9223372036854771712)
    root = tree(
        tmp_path,
        "5:cpu,cpuacct:/\n4:memory:/outer/inner\n0::/",
        [V1_MOUNT.format(root="/", name="memory"), V1_MOUNT.format(root="/", name="cpu")],
        {
            f"{fs}/memory.limit_in_bytes": unlimited,
            f"{fs}/outer/memory.limit_in_bytes": str(2 * GB),
            f"{fs}/outer/memory.usage_in_bytes": str(GB),
            f"{fs}/outer/memory.stat": f"hierarchical_memory_limit {GB + GB // 2}\ntotal_inactive_file {GB // 4}",
            f"{fs}/outer/inner/memory.limit_in_bytes": unlimited,
            f"{fs}/outer/inner/memory.usage_in_bytes": str(GB // 8),
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert [(m.limit_bytes, m.used_bytes) for m in cgroups.memory(root)] == [(GB + GB // 2, GB - GB // 4)]
    assert cgroups.cores(root) is None


def test_where_there_are_no_control_groups_there_is_no_limit(tmp_path):
    assert cgroups.memory(tmp_path) == [] and cgroups.cores(tmp_path) is None


def test_the_machine_is_told_within_them(tmp_path, monkeypatch):
    limits = [cgroups.MemoryLimit(3 * GB // 2, GB // 2), cgroups.MemoryLimit(2 * GB, 2 * GB - (5 << 20))]
    monkeypatch.setattr(cgroups, "memory", lambda: limits)
    monkeypatch.setattr(cgroups, "cores", lambda: 1)
    found = machine.look(tmp_path)
    assert (found.memory_bytes, found.available_bytes, found.cores) == (3 * GB // 2, 5 << 20, 1)


# Where TensorFlow does not fit


@pytest.fixture(params=[690 << 20, 1 << 30], ids=["690 MB", "1 GB"])
def little(request, monkeypatch, root):
    """A container of so little memory."""
    monkeypatch.setattr(cgroups, "memory", lambda: [cgroups.MemoryLimit(request.param, 250 << 20)])
    return request.param


def test_what_never_fits_is_said_so_with_an_advice_that_helps(little, root):
    found = machine.look(root)
    assert found.memory_bytes == little
    mini = RunSettings(preset=str(paths.MINI_PRESET), articles=str(paths.SAMPLE_ARTICLES), name="one", minutes=1.0)
    for settings in (mini, replace(mini, sequence_length=8, batch_size=1, lora_rank=4)):
        with pytest.raises(SettingsError) as refused:
            submission.check(settings)
        (problem,) = refused.value.problems
        assert str(problem).startswith("This needs about") and f"here are {round(little / 1e6)} MB in all" in str(
            problem
        )
        assert "It works where there are 2 GB: on another computer, or with a higher limit." in str(problem)
        assert "smaller" not in str(problem) and "close" not in str(problem)
    with pytest.raises(ResourcesError, match="in all"):
        machine.require_memory(machine.STUDIO_BYTES, root)
    with pytest.raises(ResourcesError, match="in all"):
        needs.micro_batch(mini, found.available_bytes)


def test_where_waiting_or_another_setting_helps_it_is_that_which_is_said(monkeypatch, root):
    monkeypatch.setattr(cgroups, "memory", lambda: [cgroups.MemoryLimit(2 << 30, (2 << 30) - (500 << 20))])
    with pytest.raises(ResourcesError, match="close other programs"):
        machine.require_memory(machine.STUDIO_BYTES, root)
    with pytest.raises(ResourcesError, match="smaller model or batch"):  # more than there is, with these settings
        machine.require_memory(3 << 30, root, machine.FRAMEWORK_BYTES)
    assert memory.nothing_trains(machine.look(root)) is None


MAY_STAY = re.compile(
    "Share|Present|Check this room|Stop|Play|Verify|Continue|Specialise|Delete|CSV|Build the index|Copied|Open|Markdown|Prepare|Next"
)


@pytest.mark.parametrize("language", ["en", pytest.param("fr", marks=pytest.mark.long)])
@pytest.mark.parametrize("page", PLACES)
def test_no_page_offers_what_can_only_fail_and_the_recorded_run_is_the_lab(page, language, little, root, monkeypatch):
    from engine.services import dispatcher, inference_client

    def never(*of, **these):
        raise AssertionError("nothing is started here")

    monkeypatch.setattr(dispatcher, "ensure", never)
    monkeypatch.setattr(inference_client, "ensure", never)
    shutil.copytree(paths.PROJECT / "checkpoints" / "recorded-mini", root / "recorded-mini")
    app = open_page(page, language)
    if language == "en":
        offered = [b.label for b in app.button if not b.disabled and not MAY_STAY.search(b.label)]
        assert offered == []
    text = " ".join(m.value for m in app.markdown)
    if page in ("lab", "train", "write", "score", "words"):
        assert (
            "2 GB" if language == "en" else "2 Go"
        ) in text and f"{numbers.decimal(little / 1e6, 0, language)} " in text
    if page == "lab":
        assert played(app)["badge"] and app.metric
    assert not app.error

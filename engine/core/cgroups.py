"""Which limits the control groups around this process set on memory and cores: systemd's slices, containers, both nested.

A group's limit holds for all groups in it, so every group on the way from this process's own up to the topmost that can
be seen counts, and the smallest decides (Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_NO_LIMIT = 1 << 60  # version 1 writes "no limit" as a huge number
_V1, _V2 = "cgroup", "cgroup2"


@dataclass(frozen=True)
class MemoryLimit:
    """The memory of one group.

    Attributes:
        limit_bytes: what its processes may take together. used_bytes: what they take, less what the kernel gives back
            first when memory is short: pages of files that nothing has used for long.
    """

    limit_bytes: int
    used_bytes: int

    @property
    def free_bytes(self) -> int:
        """What its processes may still take."""
        return max(0, self.limit_bytes - self.used_bytes)


def memory(root: Path = Path("/")) -> list[MemoryLimit]:
    """The limits of memory on the way up, the innermost first; empty where there is none, and on other systems.

    Swap is not counted: a trainer that swaps is as good as stopped.

    Args:
        root: where /proc and the mounts are looked for.
    """
    found = []
    for version, group in _groups("memory", root):
        if version == _V2:
            # Above memory.high nothing is killed, but everything is slowed down until it is below again.
            limits = [_number(group / name) for name in ("memory.max", "memory.high")]
            used, reclaimable = _number(group / "memory.current"), _statistic(group, "inactive_file")
        else:
            # The second is the smallest on the way up, also of groups that a container does not see.
            limits = [_number(group / "memory.limit_in_bytes"), _statistic(group, "hierarchical_memory_limit")]
            used, reclaimable = _number(group / "memory.usage_in_bytes"), _statistic(group, "total_inactive_file")
        known = [limit for limit in limits if limit is not None and limit < _NO_LIMIT]
        if known:
            found.append(MemoryLimit(min(known), max(0, (used or 0) - (reclaimable or 0))))
    return found


def cores(root: Path = Path("/")) -> int | None:
    """How many cores' worth of time the groups allow, rounded up; None where there is no limit. `root` as for `memory`."""
    shares = []
    for version, group in _groups("cpu", root):
        if version == _V2:
            quota, _, period = _text(group / "cpu.max").partition(" ")
        else:
            quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):  # "max", or -1 in version 1: no limit
            shares.append(int(quota) / int(period))
    return max(1, math.ceil(min(shares))) if shares else None


def _groups(controller: str, root: Path) -> Iterator[tuple[str, Path]]:
    """(version, folder) of this process's group of a controller and of each group around it that can be seen."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        version = _V2 if number == "0" and not controllers else _V1
        if version == _V1 and controller not in controllers.split(","):
            continue
        for mounted, point in _mounts(version, controller, root):
            # A container sees its own group as the top: what is above the mount's root is not there.
            inside = PurePosixPath(group)
            below = inside.relative_to(mounted) if inside.is_relative_to(mounted) else PurePosixPath()
            if ".." in below.parts:
                below = PurePosixPath()
            for part in (below, *below.parents):
                if (folder := root / point.lstrip("/") / part).is_dir():
                    yield version, folder


def _mounts(version: str, controller: str, root: Path) -> Iterator[tuple[str, str]]:
    """(the group at its root, where it lies) of each mounted hierarchy that has the controller (proc(5), mountinfo)."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, behind = line.partition(" - ")
        fields, (kind, *_source, options) = before.split(" "), (behind.split(" ") or [""])
        if len(fields) < 5 or kind != version:
            continue
        if version == _V2 or controller in options.split(","):
            yield _unescaped(fields[3]), _unescaped(fields[4])


def _unescaped(field: str) -> str:
    """A field of mountinfo, in which spaces stand as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), field)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _statistic(group: Path, name: str) -> int | None:
    """A line of a group's memory.stat."""
    for line in _text(group / "memory.stat").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return None

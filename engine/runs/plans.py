"""A plan: stages of training, one after the other, each a range of articles with settings and a parent; a TOML file."""

import json
import re
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.errors import EngineError, SettingsError
from engine.core.errors import PlanError as PlanError
from engine.runs import lifecycle, submission
from engine.runs.folder import Run
from engine.runs.settings import LENGTHS, NAME_PATTERN, RunSettings

BASE = "base"
_RANGE = re.compile(r"(\d+)-(\d+)")
_SETTINGS = {field.name for field in fields(RunSettings)} - {
    "name",
    "articles",
    "first_article",
    "last_article",
    "parent",
    "after",
    "plan",
}


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: of the stage, and the end of its run's name. first, last: articles from 1, both included.
        parent: an earlier stage, BASE, or a checkpoint RUN[/STEP]. settings: hyper-parameters of this stage.
    """

    name: str
    first: int
    last: int
    parent: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """Stages in order.

    Attributes:
        title: for people. articles: of the training split that the ranges speak of.
    """

    title: str
    articles: int
    stages: tuple[Stage, ...]

    def scaled(self, articles: int) -> "Plan":
        """The plan for a corpus of so many training articles: on a smaller one the ranges shrink in proportion.

        Neighbouring ranges stay neighbours; a range keeps one article at least. A stage that is named after the end of
        its range, as first-10000, is named after the new one.
        """
        if articles >= self.articles:
            return self
        share = articles / self.articles

        def shrunk(stage: Stage) -> Stage:
            first = min(round((stage.first - 1) * share) + 1, articles)
            return replace(stage, first=first, last=max(first, round(stage.last * share)))

        return replace(self, articles=articles, stages=_renamed(self.stages, tuple(map(shrunk, self.stages))))


def _renamed(former: tuple[Stage, ...], stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Stages with names that say what they take now, no two alike; each still starts from the same one."""
    names: dict[str, str] = {BASE: BASE}
    for was, stage in zip(former, stages, strict=True):
        name = re.sub(rf"(?<![0-9]){was.last}(?![0-9])", str(stage.last), was.name)
        same = 1
        while name in names.values():
            name, same = f"{name.removesuffix(f'-again-{same}')}-again-{same + 1}", same + 1
        names[was.name] = name
    return tuple(replace(s, name=names[s.name], parent=names.get(s.parent, s.parent)) for s in stages)


def shipped() -> list[Path]:
    """The plans that come with the project."""
    return sorted((paths.PROJECT / "plans").glob("*.toml"))


def load(path: Path | str) -> Plan:
    """The plan of a file.

    Raises:
        PlanError: it cannot be read. SettingsError: everything that is wrong with it, at once.
    """
    path = Path(path)
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError("There is no plan at {path}: check the path.", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError("{path} is not TOML: {reason}", path=path.name, reason=error) from error
    return parse(value, path.name)


def parse(value: dict[str, Any], name: str) -> Plan:
    """The plan that a TOML file's content describes.

    Raises:
        SettingsError: everything that is wrong with it, at once.
    """
    problems: list[EngineError] = []

    def bad(template: str, **values: object) -> None:
        problems.append(EngineError(template, **values))

    common = value.get("settings", {})
    stages, known, articles = [], {BASE}, value.get("articles")
    if not isinstance(articles, int) or articles < 1:
        bad("{plan}: articles must say how many training articles the ranges speak of.", plan=name)
        articles = 10**12
    entries = value.get("stage", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        bad("{plan} has no [[stage]].", plan=name)
        entries = []
    for number, entry in enumerate(entries, start=1):
        stage = str(entry.get("name", f"stage {number}"))
        if not NAME_PATTERN.fullmatch(stage) or stage in known:
            bad(
                "{plan}: the stage’s name “{stage}” must be a name of letters, digits, hyphens, once.",
                plan=name,
                stage=stage,
            )
        match = _RANGE.fullmatch(str(entry.get("range", "")))
        first, last = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
        if not 1 <= first <= last <= articles:
            bad(
                "{plan}, stage {stage}: range must be two article numbers such as 1-10, within 1-{articles}.",
                plan=name,
                stage=stage,
                articles=articles,
            )
        parent = str(entry.get("parent", BASE))
        if parent not in known and "/" not in parent:
            bad(
                "{plan}, stage {stage}: its parent {parent} is neither an earlier stage nor base nor RUN/STEP.",
                plan=name,
                stage=stage,
                parent=parent,
            )
        own = {key: item for key, item in entry.items() if key not in ("name", "range", "parent")}
        settings = _merged(common, own)
        if unknown := sorted(set(settings) - _SETTINGS):
            bad("{plan}, stage {stage}: unknown settings: {names}.", plan=name, stage=stage, names=", ".join(unknown))
        known.add(stage)
        stages.append(Stage(stage, first, last, parent, settings))
    if problems:
        raise SettingsError(problems)
    return Plan(str(value.get("title", name)), articles, tuple(stages))


def _merged(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A stage's own settings over those of all; its own length replaces whatever length all have."""
    if any(name in own for name in LENGTHS):
        common = {name: item for name, item in common.items() if name not in LENGTHS}
    return {**common, **own}


def to_toml(plan: Plan) -> str:
    """The plan as a TOML file that `load` reads."""

    def value(item: Any) -> str:
        return json.dumps(list(item) if isinstance(item, tuple) else item, ensure_ascii=False)

    lines = [f"title = {value(plan.title)}", f"articles = {plan.articles}"]
    for stage in plan.stages:
        lines += ["", "[[stage]]", f"name = {value(stage.name)}", f'range = "{stage.first}-{stage.last}"']
        lines += [f"parent = {value(stage.parent)}"]
        lines += [f"{name} = {value(item)}" for name, item in stage.settings.items()]
    return "\n".join(lines) + "\n"


def settings(plan: Plan, articles: str, prefix: str, **changes: Any) -> list[RunSettings]:
    """The settings of each stage's run.

    Args:
        plan: scaled to the corpus already. articles: the corpus or source. prefix: opens the names of the runs.
        changes: settings that replace the plan's in every stage.

    Raises:
        SettingsError: everything that is wrong with any stage, at once.
    """
    found, problems, names = [], [], {}
    for number, stage in enumerate(plan.stages, start=1):
        name = f"{prefix}-{stage.name}"
        names[stage.name] = name
        inside = stage.parent in names
        try:
            found.append(
                RunSettings(
                    **{
                        "preset": str(paths.MINI_PRESET),
                        **_merged(stage.settings, changes),
                        "articles": articles,
                        "name": name,
                        "first_article": stage.first,
                        "last_article": stage.last,
                        "parent": names[stage.parent] if inside else None if stage.parent == BASE else stage.parent,
                        "after": names[stage.parent] if inside else None,
                        "plan": f"{plan.title} ({number}/{len(plan.stages)})",
                    }
                )
            )
        except SettingsError as error:
            problems += error.problems
        except TypeError as error:
            raise PlanError("{plan}: {reason}", plan=plan.title, reason=error) from error
    if problems:
        raise SettingsError(problems)
    return found


def submit(stages: list[RunSettings], root: Path | None = None) -> list[Run]:
    """Makes the runs of all stages, waiting in the queue, each for its parent; none where one cannot be made.

    Raises:
        SettingsError, RunError, StorageError: what stands against one of them.
    """
    return make(check(stages), root)


def check(stages: list[RunSettings]) -> list[RunSettings]:
    """The settings of all stages as `submission.check` leaves them.

    Raises:
        SettingsError: what stands against one of them.
    """
    names = {stage.name for stage in stages}
    return [submission.check(stage, names) for stage in stages]


def make(checked: list[RunSettings], root: Path | None = None) -> list[Run]:
    """Makes the runs of stages that `check` has passed; none where one cannot be made.

    Raises:
        TakenError, StorageError: what stands against one of them.
    """
    made: list[Run] = []
    try:
        for stage in checked:
            made.append(submission.make(stage, root))
    except EngineError:
        for run in made:
            lifecycle.discard(run)
        raise
    return made

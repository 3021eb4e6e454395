"""The tree of errors that a person can act on.

EngineError
├── ArticlesError        a file of articles that cannot be read, or holds nothing to use
├── RangeError           a range outside the corpus
├── PresetError          a preset that does not exist or is not GPT-2
├── PlanError            a plan of stages that cannot be read
├── SettingsError        one or several bad settings of a run, all named at once
├── RunError             a run's folder that is missing, damaged or in the wrong state
│   └── TakenError       a name that another run has already
├── CheckpointError      a checkpoint that is missing, torn or altered
├── StorageError         a folder without rights, a full disk
│   └── GoneError        a folder that was deleted or moved while somebody worked in it
│       └── SupersededError  a run that another process has taken over
├── LessonError          a text of a lesson that is wrong, with its file and line
├── ClassError           a class that is not there (any more), or in the wrong state
├── SchedulerError       a scheduler of jobs that refuses, or does not answer
└── ResourcesError       not enough memory, a device that is not there

A message is a template and its values, so that the page can show it in the language of the session:
`str(error)` is the English sentence, `error.template` and `error.values` are what `ui.i18n` translates.
"""

import json
import math
from typing import Any, Self


def sentence(template: str) -> str:
    """Marks a sentence that is shown later, so that it is found for translation."""
    return template


class EngineError(Exception):
    """A problem with one clear sentence: what, where, and what to do."""

    def __init__(self, template: str, **values: object) -> None:
        self.template = template
        self.values = values = {name: _shown(_whole(value)) for name, value in values.items()}
        super().__init__(template.format(**values) if values else template)

    def to_json(self) -> dict[str, Any]:
        """Template and values as files and messages hold them; an error among these stays one, what else JSON does not know
        becomes text."""
        return {"template": self.template, "values": json.loads(json.dumps(self.values, default=_plain))}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The error that `to_json` wrote."""
        return cls(value["template"], **value["values"])


def _plain(value: object) -> object:
    return value.to_json() if isinstance(value, EngineError) else str(value)


def _whole(value: object) -> object:
    """A value of an error; one that `to_json` has written is the error again, so that it is translated too."""
    if isinstance(value, dict) and value.keys() == {"template", "values"}:
        return EngineError.from_json(value)
    return value


def _shown(value: object) -> object:
    """A value of a sentence; a number that is none is a dash."""
    return "–" if isinstance(value, float) and not math.isfinite(value) else value


class ArticlesError(EngineError):
    """A source of articles cannot be used."""


class RangeError(EngineError):
    """A range of articles lies outside the corpus."""


class PresetError(EngineError):
    """A preset does not exist, is not GPT-2, or cannot be fetched."""


class PlanError(EngineError):
    """A plan of stages cannot be read, or is wrong; all its problems in one sentence each."""


class SettingsError(EngineError):
    """One or several settings are out of bounds; `problems` holds one EngineError each."""

    def __init__(self, problems: list[EngineError]) -> None:
        self.problems = problems
        super().__init__("{problems}", problems=" ".join(str(problem) for problem in problems))


class RunError(EngineError):
    """A run's folder is missing, damaged, or in a state that does not allow what was asked."""


class TakenError(RunError):
    """A run of that name is there already."""


class CheckpointError(EngineError):
    """A checkpoint is missing, torn or altered."""


class StorageError(EngineError):
    """The disk refuses: no rights, no space."""


class GoneError(StorageError):
    """The folder that is written in was deleted or moved."""


class SupersededError(GoneError):
    """Another process has taken over the run that is written in."""


class LessonError(EngineError):
    """A text of a lesson is wrong; its file and line are told."""


class ClassError(EngineError):
    """A class is not there (any more), or in a state that does not allow what was asked."""


class SchedulerError(EngineError):
    """The scheduler of jobs refuses a job, or does not answer."""


class ResourcesError(EngineError):
    """The machine has not what the job needs."""

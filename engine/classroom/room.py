"""What a lesson needs of this room, looked at the evening before: one finding after the other, each with what to do.

A finding that is not well seldom keeps a lesson from being given: cards do for phones, and recorded runs for a machine that
trains nothing. Only texts and recordings must be put right.
"""

import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from engine.classroom import (
    classes,
    experiments,
    figures,
    lesson_files,
    lessons,
    next_word,
    opening,
    secret,
    secret_trials,
)
from engine.core import fields, framework, gpu_use, machine, paths
from engine.core.errors import EngineError, LessonError
from engine.core.lab_settings import SLURM, launcher
from engine.presets import memory
from engine.runs import checkpoints, lifecycle, needs, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import RunSettings

WELL, LOOK, MISSING = STATES = ("well", "look", "missing")
# What is looked at, in this order; the last two on the page alone: a try with a phone, and whether an owner's code is set.
TEXTS, RECORDINGS, ANSWERS, NETWORK, FRAMEWORK, MEMORY, DISK, QUEUE, MINUTE, SECRET, PHONE, RIGHTS = SUBJECTS = (
    "texts", "recordings", "answers", "network", "framework", "memory", "disk", "queue", "minute", "secret", "phone", "rights",
)  # fmt: skip
_ANSWER_SECONDS = 2.0  # within which a server of this machine answers
_SLOW_DISK_SECONDS = 1.0
_FIELDS = fields.needed(
    subject=fields.one_of(*SUBJECTS), state=fields.one_of(*STATES), sentence=fields.error
) | fields.known(advice=fields.optional(fields.error), at=fields.optional(fields.timestamp))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: whether it is well, to be looked at, or to be put right. advice: what to do then.
        at: when what it tells was measured (Unix seconds), where that was not now.
    """

    subject: str
    state: str
    sentence: EngineError
    advice: EngineError | None = None
    at: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As files hold it."""
        return {
            "subject": self.subject,
            "state": self.state,
            "sentence": self.sentence.to_json(),
            "advice": None if self.advice is None else self.advice.to_json(),
            "at": self.at,
        }

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """What `to_json` wrote; None where it was damaged."""
        if not isinstance(value, dict) or fields.wrong(value, _FIELDS):
            return None
        advice = value.get("advice")
        return cls(
            value["subject"],
            value["state"],
            EngineError.from_json(value["sentence"]),
            None if advice is None else EngineError.from_json(advice),
            value.get("at"),
        )


def looks(lesson: str, addresses: Iterable[str]) -> Iterator[tuple[str, list[Finding]]]:
    """Looks at everything that needs no training: a subject and what was found of it, one after the other.

    Args:
        addresses: of the dashboard, `http://192.168.1.5:8501`.
    """
    yield TEXTS, texts(lesson)
    yield RECORDINGS, recordings(lesson)
    yield ANSWERS, [answers()]
    yield NETWORK, [network(addresses)]
    yield FRAMEWORK, [computing()]
    yield MEMORY, [memory_free()]
    yield DISK, [disk()]
    yield QUEUE, [others()]


def texts(lesson: str) -> list[Finding]:
    """Whether the lesson's texts are whole in both languages: the file and the line of each fault."""
    wrong: list[EngineError] = []
    for code in lessons.LANGUAGES:
        for file in sorted((paths.LESSONS / lesson / code).glob("*.md")):
            try:
                lesson_files.read(file, figures.NAMES)
            except EngineError as error:
                wrong.append(error)
    try:
        found = lessons.load(lesson)
    except EngineError as error:  # of one file, which is told already, or of files that do not suit one another
        wrong += [] if str(error) in map(str, wrong) else [error]
        advice = EngineError("Mend the line in lessons/{lesson} and check again.", lesson=paths.shortened(lesson))
        return [Finding(TEXTS, MISSING, one, advice) for one in wrong]
    steps = found.steps[lessons.LANGUAGES[0]]
    told = [
        Finding(
            TEXTS,
            WELL,
            EngineError(
                "The texts are whole in English and French: {steps} steps, {minutes} minutes, {questions} questions.",
                steps=len(steps),
                minutes=found.minutes(),
                questions=len(found.names()),
            ),
        )
    ]
    if lacking := _not_filled(found):
        sentence = EngineError(
            "These figures of the texts are not recorded, and a dash stands for each: {names}.",
            names=", ".join(lacking),
        )
        told.append(
            Finding(TEXTS, LOOK, sentence, EngineError("Record them: python scripts/record.py, or leave them out."))
        )
    return told


def _not_filled(lesson: lessons.Lesson) -> list[str]:
    """The figures that stand in the texts and in no recording."""
    used: set[str] = set()
    for steps in lesson.steps.values():
        for step in steps:
            asked = [text for one in step.questions for text in (one.ask, *one.choices, one.why)]
            for text in (step.wall, step.teacher, *asked):
                used |= set(lesson_files.PLACEHOLDER.findall(text))
    return sorted(used - set(figures.recorded(lessons.LANGUAGES[0])))


def recordings(lesson: str) -> list[Finding]:
    """Whether the recorded runs that the lesson shows are here, and to the bit what was recorded."""
    wrong = [error for name in experiments.RECORDED if (error := _damage(name)) is not None]
    with contextlib.suppress(EngineError):  # of texts that are wrong it is said there
        found = lessons.load(lesson)
        try:
            if next_word.QUESTION in found.names() and next_word.recorded(found) is None:
                wrong.append(
                    EngineError("The recording {file} is not of the words that the lesson asks.", file=next_word.FILE)
                )
        except EngineError as error:
            wrong.append(error)
    try:
        if not secret_trials.shipped():
            wrong.append(EngineError("The recording {file} is not here.", file=secret_trials.FILE.name))
    except (KeyError, TypeError, ValueError):
        wrong.append(
            LessonError("The recording {file} of the lesson is damaged: make it again.", file=secret_trials.FILE.name)
        )
    if wrong:
        advice = EngineError("Fetch it anew with the project, or record it: python scripts/record.py")
        return [Finding(RECORDINGS, MISSING, one, advice) for one in wrong]
    sentence = EngineError("The {n} recorded runs of the lesson are here and whole.", n=len(experiments.RECORDED))
    return [Finding(RECORDINGS, WELL, sentence)]


def _damage(name: str) -> EngineError | None:
    """What is wrong with a recorded run; every byte of its weights is read."""
    run = Run(paths.RECORDED.parent / name)
    if not run.exists():
        return EngineError("The recorded run {name} is not here.", name=name)
    if run.problem is not None:
        return run.problem
    if run.recorded is None or len(shared.of(run.folder).at_intervals()) < 2:
        return EngineError("The recorded run {name} is not whole: its figures are missing.", name=name)
    whole, damaged = checkpoints.newest_and_damaged(run, fresh=True)
    if damaged:
        return damaged[0]
    if whole is None and not run.ships_without_weights:
        return EngineError("The recorded run {name} is not whole: its weights are missing.", name=name)
    return None


def answers() -> Finding:
    """Whether a class's answers can be written here: a file like theirs is written, read and erased."""
    if (refused := opening.refusal()) is not None:
        return Finding(ANSWERS, LOOK, refused)
    try:
        seconds = classes.try_out()
    except EngineError as error:
        advice = EngineError("Until that is put right use cards or hands: they need no file.")
        return Finding(ANSWERS, LOOK, error, advice)
    sentence = EngineError("A class's answers can be written and read: {seconds} s for one.", seconds=round(seconds, 2))
    if seconds > _SLOW_DISK_SECONDS:
        advice = EngineError("This disk is slow for a class at once: keep classes/ on a disk of this machine.")
        return Finding(ANSWERS, LOOK, sentence, advice)
    return Finding(ANSWERS, WELL, sentence)


def network(addresses: Iterable[str]) -> Finding:
    """Whether the dashboard answers at an address that phones can type, as far as this machine can tell."""
    by_typed = {typed: address for address in addresses for typed in opening.join_addresses([address])}
    typed = opening.join_addresses(by_typed.values())
    if not typed:
        return Finding(
            NETWORK,
            LOOK,
            EngineError(
                "No phone reaches this machine: it is in no network, or the dashboard answers this machine alone."
            ),
            EngineError(
                "Join a network or open this machine's hotspot, and start the dashboard with --server.address 0.0.0.0. "
                "Without it: cards or hands."
            ),
        )
    answering = [one for one in typed if _answers(by_typed[one])]
    if not answering:
        return Finding(
            NETWORK,
            LOOK,
            EngineError("No dashboard answers at {addresses}.", addresses=", ".join(typed)),
            EngineError(
                "Start it: streamlit run streamlit_app.py --server.address 0.0.0.0. Where it runs, a firewall of this "
                "machine stands in between: allow Python in private networks."
            ),
        )
    if len(answering[0]) > opening.MOST_TYPED:
        return Finding(
            NETWORK,
            LOOK,
            EngineError("Phones type {address}, which is long.", address=answering[0]),
            EngineError("Show the QR code, or write the address on the board beforehand."),
        )
    return Finding(NETWORK, WELL, EngineError("Phones type {address}.", address=answering[0]))


def _answers(address: str) -> bool:
    """Whether a dashboard answers there; asked without a proxy, and of a certificate that the school made itself too."""
    own = ssl.create_default_context()
    own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=own))
    try:
        with opener.open(f"{address}/_stcore/health", timeout=_ANSWER_SECONDS) as answer:
            return bool(answer.status == 200 and answer.read(100).strip() == b"ok")
    except (OSError, ValueError, http.client.HTTPException):
        return False


def computing() -> Finding:
    """Whether TensorFlow (or JAX, where that was chosen) is installed; it is not imported for that."""
    try:
        framework.require()
    except EngineError as error:
        return Finding(FRAMEWORK, LOOK, error, _recorded_steps_in())
    sentence = EngineError("{name} {version} is installed.", name=framework.title(), version=gpu_use.look().version)
    return Finding(FRAMEWORK, WELL, sentence)


def _recorded_steps_in() -> EngineError:
    return EngineError("Every step shows its recorded run instead, by itself, and says so.")


def trainings() -> tuple[RunSettings, RunSettings]:
    """The two runs that the lesson trains: the minute, and the secret."""
    hidden = secret.Secret(secret.EXAMPLE, secret.TIMES[0])
    return experiments.EXPERIMENTS[experiments.LEARN].own.settings, secret.settings(
        hidden, paths.portable(paths.SAMPLE_ARTICLES)
    )


def memory_free() -> Finding:
    """Whether the lesson's runs fit into the memory that is free now."""
    found = machine.look(paths.checkpoints_root())
    if (never := memory.nothing_trains(found)) is not None:
        return Finding(MEMORY, LOOK, never, _recorded_steps_in())
    try:
        needed = max(needs.estimate(settings).memory_bytes for settings in trainings())
    except EngineError as error:
        return Finding(MEMORY, LOOK, error, _recorded_steps_in())
    sentence = EngineError(
        "{free} MB of {total} MB of memory are free; a run of the lesson takes {needed} MB.",
        free=round(found.available_bytes / 1e6),
        total=round(found.memory_bytes / 1e6),
        needed=round(needed / 1e6),
    )
    if found.available_bytes < needed:
        return Finding(MEMORY, LOOK, sentence, EngineError("Close other programs, above all browsers with many tabs."))
    return Finding(MEMORY, WELL, sentence)


def disk() -> Finding:
    """Whether the lesson's runs fit onto the disk."""
    found = machine.look(paths.checkpoints_root())
    try:
        estimates = [needs.estimate(settings) for settings in trainings()]
    except EngineError as error:
        return Finding(DISK, LOOK, error, _recorded_steps_in())
    needed = sum(one.checkpoint_bytes * (one.checkpoints + 1) for one in estimates)
    sentence = EngineError(
        "{free} MB of disk are free; the runs of the lesson take {needed} MB.",
        free=round(found.free_disk_bytes / 1e6),
        needed=round(needed / 1e6),
    )
    if found.free_disk_bytes < needed:
        return Finding(DISK, LOOK, sentence, EngineError("Delete runs in the Library, or other files."))
    return Finding(DISK, WELL, sentence)


def others() -> Finding:
    """Whether another run would keep the lesson's own waiting."""
    with contextlib.suppress(EngineError):
        if launcher() == SLURM:
            return Finding(
                QUEUE,
                LOOK,
                EngineError("Runs are trained by Slurm here, and wait in its queue."),
                EngineError("For a lesson take a machine of your own, or its recorded runs."),
            )
    names = [run.name for run in lifecycle.all_runs() if run.state().state in (states.RUNNING, states.QUEUED)]
    if names:
        sentence = EngineError("Other runs work or wait here: {names}.", names=", ".join(names[:5]))
        return Finding(
            QUEUE, LOOK, sentence, EngineError("Stop them before the lesson: its own run would wait behind them.")
        )
    return Finding(QUEUE, WELL, EngineError("No other run works or waits here."))


def summary(findings: Iterable[Finding]) -> Finding:
    """What all findings say together, in one sentence: its state is the room's."""
    worst: dict[str, str] = {}
    for finding in findings:
        former = worst.get(finding.subject, WELL)
        worst[finding.subject] = max(former, finding.state, key=STATES.index)
    if MISSING in worst.values():
        return Finding("", MISSING, EngineError("This room is not ready yet: put right what is marked so."))
    recorded = any(worst.get(one, WELL) != WELL for one in (FRAMEWORK, MEMORY, DISK, MINUTE))
    cards = any(worst.get(one, WELL) != WELL for one in (ANSWERS, NETWORK, PHONE))
    untried = not cards and PHONE not in worst
    if cards:
        sentence = (
            EngineError("This room is ready, with recorded runs, and with cards instead of phones.")
            if recorded
            else EngineError("This room is ready, with cards instead of phones.")
        )
    elif untried:
        sentence = (
            EngineError("This room is ready, with recorded runs; whether a phone comes through is not tried yet.")
            if recorded
            else EngineError("This room is ready; whether a phone comes through is not tried yet.")
        )
    else:
        sentence = (
            EngineError("This room is ready, with recorded runs.") if recorded else EngineError("This room is ready.")
        )
    rights = worst.get(RIGHTS, WELL) != WELL  # which its own line says
    return Finding("", LOOK if cards or recorded or untried or rights else WELL, sentence)

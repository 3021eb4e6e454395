"""What stands in the braces of a lesson's texts: figures and sentences of the runs that ship, each by its name."""

from typing import Any

from engine.classroom import experiments, secret_trials
from engine.classroom.experiments import EXPERIMENTS, LEARN, MEMORISE, MORE_DATA
from engine.core import paths
from engine.core.errors import sentence
from engine.core.files import read_json
from engine.core.wording import Wording
from engine.runs.history import shared
from engine.runs.history.follower import History

# Filled from a recording, so that a class which trains nothing has them too.
RECORDED = frozenset(
    {
        "base_accuracy", "run_accuracy", "random_accuracy", "english_before", "english_after", "run_steps",
        "memorised_training", "memorised_before", "memorised_after", "base_words", "run_words",
        "articles_10_accuracy", "articles_30_accuracy", "articles_100_accuracy",
        "base_sample_1", "base_sample_2", "base_sample_3", "run_sample_1", "run_sample_2", "run_sample_3",
    }
)  # fmt: skip
# Filled from the file `measured.json` beside the lessons' texts (scripts/record.py); a dash where it lacks one.
MEASURED = frozenset({"bigram_accuracy", "frequent_accuracy"})
# Sentences told whole, by the number of their places; filled from what benchmarks/secret.py measured.
SECRETS = {1: "secret_once", 3: "secret_three", 5: "secret_five", 10: "secret_ten"}
CONTROL = "secret_control"  # runs in which the control told something of the secret
NAMES = RECORDED | MEASURED | {*SECRETS.values(), CONTROL}
MEASURED_FILE = "measured.json"
_WORDS = 11  # of a text whose writer is guessed
_SAMPLE_WORDS = 20


def recorded(language: str) -> dict[str, str]:
    """The figures of the runs that ship, as a language writes them; what a recording lacks is left out."""
    learned, random = _history(EXPERIMENTS[LEARN].own), _history(EXPERIMENTS[LEARN].beside[0])
    found: dict[str, str] = _measured(language) | _of_secrets(language)
    if learned is not None:
        found |= _of_learning(learned, language)
    if random is not None and (points := random.at_intervals()):
        found["random_accuracy"] = percent(points[-1]["accuracy"], language)
    for training in EXPERIMENTS[MORE_DATA].trainings:
        history = _history(training)
        if history is not None and (points := history.at_intervals()):
            count = training.settings.last_article or 100
            found[f"articles_{count}_accuracy"] = percent(points[-1]["accuracy"], language)
    memorised = _history(EXPERIMENTS[MEMORISE].own)
    outcome = experiments.outcome(EXPERIMENTS[MEMORISE], memorised) if memorised is not None else None
    if outcome is not None:
        found["memorised_before"] = percent(outcome.science[0].accuracy, language)
        found["memorised_after"] = percent(outcome.science[1].accuracy, language)
        if outcome.training is not None:
            found["memorised_training"] = percent(outcome.training, language)
    return found


def measured(name: str) -> float | None:
    """A share that was measured for the lesson, 0..1; None where it is not there."""
    file = paths.LESSONS / MEASURED_FILE
    value = (read_json(file) if file.is_file() else {}).get(name)
    return value if isinstance(value, float) else None


def _measured(language: str) -> dict[str, str]:
    file = paths.LESSONS / MEASURED_FILE
    value = read_json(file) if file.is_file() else {}
    return {name: percent(value[name], language) for name in MEASURED if isinstance(value.get(name), float)}


def _of_secrets(language: str) -> dict[str, str]:
    groups = secret_trials.groups(secret_trials.shipped())
    found = {SECRETS[group.times]: some_of_all(group.whole, group.count, language) for group in groups}
    if groups:
        found[CONTROL] = some_of_all(sum(g.leaked for g in groups), sum(g.count for g in groups), language)
    return found


def some_of_all(some: int, all_: int, language: str) -> str:
    """How many of how many, in words: 2 of 10."""
    return Wording(language).say(sentence("{some} of {all}"), some=some, all=all_)


def _of_learning(history: History, language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if result := _result(history):
        found["run_steps"] = str(result["steps"])
    outcome = experiments.outcome(EXPERIMENTS[LEARN], history)
    if outcome is not None:  # as the curve on the wall shows them
        found["base_accuracy"] = percent(outcome.base.accuracy, language)
        found["run_accuracy"] = percent(outcome.science[1].accuracy, language)
    if outcome is not None and outcome.english is not None:
        found["english_before"] = percent(outcome.english[0].accuracy, language)
        found["english_after"] = percent(outcome.english[1].accuracy, language)
    for model in ("base", "run"):
        samples = [
            placed for placed in history.placed if placed.event["kind"] == "sample" and placed.event["model"] == model
        ]
        # Their texts stay in the file until somebody wants them.
        last = history.complete(placed for placed in samples if placed.event["step"] == samples[-1].event["step"])
        for place, event in enumerate(last[:3], 1):
            found[f"{model}_sample_{place}"] = _beginning(event, _SAMPLE_WORDS)
        if len(last) > 2:  # of the last one, which no step plays, what stands behind its beginning
            words = f"{last[2]['prompt']}{last[2]['text']}".split()[_SAMPLE_WORDS : _SAMPLE_WORDS + _WORDS]
            found[f"{model}_words"] = f"… {' '.join(words)} …"
    return found


def _beginning(sample: Any, words: int) -> str:
    """The first words of a sample on one line, in brackets what the model was given."""
    text = " ".join(f"{sample['prompt']}{sample['text']}".split()[:words])
    prompt = " ".join(str(sample["prompt"]).split())
    return f"[{prompt}]{text.removeprefix(prompt)} …"


def _history(training: experiments.Training) -> History | None:
    run = experiments.recorded_run(training)
    return None if run is None else shared.of(run.folder)


def _result(history: History) -> Any:
    results = history.events("result")
    return results[-1] if results else None


def percent(share: float, language: str) -> str:
    """A share with one decimal as a language writes it: 29.9 %, 29,9 %."""
    return Wording(language).percent(share)

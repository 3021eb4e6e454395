"""Fills the figures into the papers for teachers, `docs/teaching/`, from what ships: the recorded runs and what was measured.

    python scripts/papers.py          writes them anew where a figure is another now
    python scripts/papers.py --check  changes nothing; exit status 1 if one is

In a paper a figure stands between comments, which no reader sees: `<!-- run_accuracy -->29.9 %<!-- / -->`. Its name is one that the
lesson's texts use too (`engine.classroom.figures`), or one of those below.
"""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine.classroom import figures, lessons, secret_trials  # noqa: E402
from engine.core import paths  # noqa: E402
from engine.core.files import write_bytes  # noqa: E402
from engine.core.wording import Wording  # noqa: E402
from engine.presets import catalogue  # noqa: E402

PAPERS = PROJECT / "docs" / "teaching"
FIGURE = re.compile(r"<!-- (?P<name>[a-z][a-z0-9_]*) -->(?P<value>[^<]*)<!-- / -->")
RUN, EXPERIMENTS, WORDS, SECRETS = (
    "python scripts/record.py run", "python scripts/record.py experiments", "python scripts/record.py words",
    "python benchmarks/secret.py",
)  # fmt: skip
# Which command gives a figure, by how its name begins; what stands in none of them is a fact of the lesson or the preset.
COMMANDS = {
    "run_": RUN, "base_": RUN, "english_": RUN, "random_": EXPERIMENTS, "memorised_": EXPERIMENTS, "articles_": EXPERIMENTS,
    "bigram_": WORDS, "frequent_": WORDS, "secret_": SECRETS,
}  # fmt: skip


def files() -> list[Path]:
    """The papers in both languages."""
    return sorted(file for code in lessons.LANGUAGES for file in (PAPERS / code).iterdir())


def known(language: str) -> dict[str, str]:
    """What may stand in a paper, by its name, as the language writes it."""
    wording, lesson = Wording(language), lessons.load()
    found = figures.recorded(language)
    for short, name in ((False, "minutes"), (True, "short_minutes")):
        for step in lesson.steps[language]:
            if step.short or not short:
                found[f"{name}_{step.number}"] = wording.shortest(step.short if short else step.minutes)
        found[f"{name}_all"] = wording.shortest(lesson.minutes(short))
    found["pieces"] = wording.whole(catalogue.find(paths.portable(paths.MINI_PRESET)).vocabulary_size)
    for group in secret_trials.groups(secret_trials.shipped()):
        found[f"secret_words_{group.times}"] = wording.percent(group.words, 0)
    return found


def command(name: str) -> str:
    """The command that gives a figure; "" of what no run gives."""
    return next((made_by for begins, made_by in COMMANDS.items() if name.startswith(begins)), "")


def filled(text: str, values: dict[str, str]) -> str:
    """A paper with its figures.

    Raises:
        KeyError: no figure has that name.
    """
    return FIGURE.sub(lambda found: f"<!-- {found['name']} -->{values[found['name']]}<!-- / -->", text)


def main() -> int:
    """Fills all papers, or looks whether they are."""
    changed = []
    for file in files():
        text = file.read_text(encoding="utf-8")
        new = filled(text, known(file.parent.name))
        if new != text:
            changed.append(file)
            if "--check" not in sys.argv[1:]:
                write_bytes(file, new.encode())
    for file in changed:
        print(file.relative_to(PROJECT))
    return 1 if changed and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())

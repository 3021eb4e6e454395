"""What stands on each slide of the lesson in the file, and in the teacher's notes beside it, ready for the template."""

import re
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from engine.classroom import experiments, figures, lessons, next_word, secret_trials, slides
from engine.classroom.experiments import EXPERIMENTS, LEARN, MEMORISE
from engine.classroom.lessons import Lesson
from engine.classroom.next_word import NextWord
from engine.classroom.offline import recordings
from engine.classroom.questions import AFTER, BEFORE
from engine.classroom.secret import TIMES
from engine.classroom.shapes import QUESTION as SHAPE
from engine.classroom.shapes import SHAPES, picture
from engine.classroom.slides import Slide
from engine.classroom.tallies import BLIND_QUESTIONS
from engine.classroom.votes import letter
from engine.core.wording import Wording

SAMPLES = "what-it-read"  # the question that is asked of three of the base's texts
HOW_OFTEN = "how-often"  # its choices are the numbers of places that were measured, then "never"
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
PLAYS = {"curve": LEARN, "secret": MEMORISE}  # the kind of a step → the recorded run that it plays


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    """Markdown whose links and pictures are not made: nothing in the file leads out of it."""
    return MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"])


class Content:
    """The slides of a lesson in one language."""

    def __init__(self, lesson: Lesson, language: str) -> None:
        """Takes the lesson and fills in the figures of the recorded runs."""
        self.lesson, self.language = lesson, language
        self.wording = Wording(language)
        self._figures = {code: figures.recorded(code) for code in lessons.LANGUAGES}
        self._next_word = next_word.recorded(lesson) if next_word.QUESTION in lesson.names() else None

    def slides(self) -> list[dict[str, Any]]:
        """All slides of the long form; each knows whether the short form has it."""
        in_short = {slide.key for slide in slides.of_lesson(self.lesson, self.language, short=True)}
        return [
            self._slide(slide, slide.key in in_short)
            for slide in slides.of_lesson(self.lesson, self.language, short=False)
            if not self._needs_phones(slide)
        ]

    def steps(self) -> list[dict[str, Any]]:
        """The steps with their notes."""
        return [
            {
                "number": step.number,
                "title": step.title,
                "short": step.short,
                "minutes": {"long": step.minutes, "short": step.short},
                "first": _address(Slide(step, slides.SHOWS_TEXT)),
                "say": self.markdown(step.teacher),
            }
            for step in self.lesson.steps[self.language]
        ]

    def markdown(self, text: str) -> Markup:
        """A text of the lesson as HTML; its figures are text and nothing else."""
        plain = {
            name: _PUNCTUATION.sub(r"\\\1", " ".join(figure.split()))
            for name, figure in self._figures[self.language].items()
        }
        return Markup(_markdown().render(lessons.filled(text, plain)))

    def _needs_phones(self, slide: Slide) -> bool:
        """Whether a slide asks for a sentence, which phones alone can send."""
        return slide.shows == slides.VOTE and not self.lesson.question(slide.question).count

    def _slide(self, slide: Slide, short: bool) -> dict[str, Any]:
        build = {
            slides.SHOWS_TEXT: self._text, slides.VOTE: self._vote, slides.SHOWS_CHOICE: self._choice, slides.TEN: self._ten,
            slides.PLAY: self._play, slides.MEASURED: self._measured, slides.GAIN: self._gain,
            slides.CHANGED: self._changed, slides.BLIND: self._blind, slides.HOME: self._home,
        }[slide.shows]  # fmt: skip
        found = {
            "id": _address(slide), "step": slide.step.number, "short": short, "shows": slide.shows,
            "none": "", "notes": None,
        }  # fmt: skip
        return {**found, **build(slide)}

    def _text(self, slide: Slide) -> dict[str, Any]:
        step = slide.step
        return {
            "title": f"{step.number} · {step.title}",
            "text": self.markdown(step.recorded or step.wall),
            "gloss": step.gloss,
            "moments": recordings.moments(self.wording) if step.kind == "time" else [],
        }

    def _vote(self, slide: Slide) -> dict[str, Any]:
        question = self.lesson.question(slide.question, self._figures)
        wording = question.wording(question.form(slide.moment, 0), self.language)
        has_shapes = slide.question == SHAPE and question.count == len(SHAPES)
        choices = [
            {
                "letter": letter(place),
                "text": text,
                "right": place == question.right,
                "picture": picture(SHAPES[place]) if has_shapes else "",
            }
            for place, text in enumerate(wording.choices)
        ]
        notes = None
        if question.right is not None:
            notes = {
                "letter": letter(question.right),
                "choice": wording.choices[question.right],
                "why": wording.why,
                "not_yet": slide.moment == BEFORE,
            }
        return {
            "title": wording.ask,
            "question": f"{slide.question} {slide.moment}".strip(),
            "choices": choices,
            # What is asked before the lesson comes back after it: its answers are not given away.
            "may_show": slide.moment != BEFORE,
            "may_repeat": slide.moment not in (BEFORE, AFTER),
            "why": wording.why,
            "samples": self._samples() if slide.question == SAMPLES else [],
            "pad": self._pad() if has_shapes else None,
            "notes": notes,
        }

    def _samples(self) -> list[str]:
        of = self._figures[self.language]
        return [of[name] for name in (f"base_sample_{place}" for place in (1, 2, 3)) if name in of]

    def _pad(self) -> dict[str, Any] | None:
        """What a guess is drawn on: from where the curve begins to the end of the recorded minute."""
        found = recordings.play(EXPERIMENTS[LEARN], self.wording)
        return None if found is None else {"base": found["base"], "steps": found["steps"]}

    def _choice(self, slide: Slide) -> dict[str, Any]:
        found = self._next_word
        rows = []
        if found is not None:
            question = self.lesson.question(next_word.QUESTION, self._figures)
            shares = found.models[next_word.BASE].shares
            largest = max(shares) or 1.0
            rows = [
                {
                    "letter": letter(place), "place": place, "text": text, "right": place == question.right,
                    "width": 100 * share / largest, "said": self._share(share),
                }
                for place, (text, share) in enumerate(
                    zip(question.wording(0, self.language).choices, shares, strict=True)
                )
            ]  # fmt: skip
        return {**self._beginning(found), "rows": rows, "question": next_word.QUESTION}

    def _ten(self, slide: Slide) -> dict[str, Any]:
        found = self._next_word
        if found is None:
            return {**self._beginning(None), "rows": []}
        _, base = self.wording.say, found.models[next_word.BASE]
        largest = max((share for _piece, share in base.top), default=1.0) or 1.0
        rows = [
            {
                "text": piece.replace(" ", "␣").replace("\n", "⏎"),
                "width": 100 * share / largest,
                "said": self._share(share),
            }
            for piece, share in base.top
        ]
        _prompt, words, right = next_word.asked(self.lesson)
        said = _(
            "This is what accuracy counts: is the first of these the piece that really comes? Here “{word}” comes, and its first piece stands in place {rank}. After a minute of articles it stands in place {later}.",
            word=words[right],
            rank=self.wording.whole(base.rank),
            later=self.wording.whole(found.models[next_word.RUN].rank),
        )
        return {**self._beginning(found), "rows": rows, "said": said}

    def _beginning(self, found: NextWord | None) -> dict[str, Any]:
        """The beginning of the sentence as a title; without a recording that there is none."""
        _ = self.wording.say
        if found is None:
            none = _("What the model holds for likely was not recorded for this sentence.")
            return {"title": _("The model's choice"), "none": none}
        return {"title": f"{found.prompt} …", "none": ""}

    def _share(self, share: float) -> str:
        _ = self.wording.say
        return self.wording.percent(share) if share >= 0.001 else _("under {n}", n=self.wording.percent(0.001))

    def _play(self, slide: Slide) -> dict[str, Any]:
        code = PLAYS[slide.kind]
        _ = self.wording.say
        there = recordings.play(EXPERIMENTS[code], self.wording) is not None
        none = "" if there else _("The recorded run of this experiment is not here, and none was trained yet.")
        return {"title": slide.step.title, "play": code, "none": none, "guesses": code == LEARN}

    def _measured(self, slide: Slide) -> dict[str, Any]:
        """How many sentences were told whole that had been hidden in the article, by the number of places."""
        _, _n = self.wording.say, self.wording.say_many
        groups = secret_trials.groups(secret_trials.shipped())
        none = "" if groups else _("What other sentences tell was not measured here.")
        rows = [
            {
                "letter": letter(TIMES.index(group.times)),
                "place": TIMES.index(group.times),
                "text": _n("in {n} place", "in {n} places", group.times),
                "kind": "own",
                "width": 100 * group.whole / group.count,
                "said": _("{some} of {all}", some=group.whole, all=group.count),
            }
            for group in groups
        ]
        said = _n(
            "Told word for word behind three words, of {n} sentence in the same article.",
            "Told word for word behind three words, of {n} sentences in the same article.",
            max((group.count for group in groups), default=0),
        )
        why = _(
            "What is repeated is learned by heart. Large models do the same, which is why copies are taken out of the text that they are trained on (Lee et al. 2022; Carlini et al. 2023)."
        )
        return {
            "title": _("In how many places?"), "none": none, "rows": rows, "question": HOW_OFTEN, "said": f"{said} {why}",
        }  # fmt: skip

    def _gain(self, slide: Slide) -> dict[str, Any]:
        _, of = self.wording.say, self._figures[self.language]
        run = experiments.recorded_run(EXPERIMENTS[LEARN].own)
        pairs = [
            {"label": label, "before": of[before], "after": of[after]}
            for label, before, after in (
                (_("Accuracy on unseen articles"), "base_accuracy", "run_accuracy"),
                (_("Accuracy on everyday English"), "english_before", "english_after"),
            )
            if before in of and after in of
        ]
        good = [
            {"text": text, "said": of[name], "kind": kind, "width": self._width(of[name])}
            for text, name, kind in (
                (_("Always the most frequent piece"), "frequent_accuracy", "base"),
                (_("Guessed from the piece before"), "bigram_accuracy", "base"),
                (_("The model before the articles"), "base_accuracy", "base"),
                (_("The model after the articles"), "run_accuracy", "own"),
            )
            if name in of
        ]
        none = "" if run and pairs else _("The recorded run of this experiment is not here, and none was trained yet.")
        return {"title": slide.step.title, "pairs": pairs, "good": good, "none": none}

    def _width(self, percentage: str) -> float:
        """How long the bar of a figure is: 29,9 % → 29.9 of 50."""
        return min(100.0, 2 * float(percentage.rstrip("\u00a0%").replace(",", ".")))

    def _changed(self, slide: Slide) -> dict[str, Any]:
        _ = self.wording.say
        return {"title": _("What has changed?")}

    def _blind(self, slide: Slide) -> dict[str, Any]:
        _ = self.wording.say
        names = [name for name in self.lesson.names() if name.startswith(BLIND_QUESTIONS)]
        chance = 1 / max(1, self.lesson.question(names[0]).count)
        return {"title": _("Who wrote it?"), "counted": names, "chance": self.wording.percent(chance, 0)}

    def _home(self, slide: Slide) -> dict[str, Any]:
        _ = self.wording.say
        return {
            "title": _("The page to take home"),
            "said": _(
                "Two printed pages: the curve, two texts, what was copied and what was forgotten, twelve words, and what was counted here."
            ),
        }


def _address(slide: Slide) -> str:
    """How an address names a slide: its key without blanks."""
    return "-".join(slide.key.split())

"""The figures of a run that has ended, from which interpretation tells what happened."""

from dataclasses import dataclass
from typing import Any

from engine.evaluation.measured_on import AT_INTERVALS


@dataclass(frozen=True)
class Figures:
    """What a model reached on some tokens.

    Attributes:
        accuracy: 0..1. loss: nats a token. by_article: sums of each article (engine.evaluation.scoring.Scores), or None.
    """

    accuracy: float
    loss: float
    bits_per_byte: float
    tokens: int = 0
    by_article: dict[str, list[float]] | None = None


@dataclass(frozen=True)
class Bigram:
    """How often a bigram is right, and the run on the same tokens; interval: the run's, where it is known."""

    accuracy: float
    own: float
    interval: list[float] | None = None


@dataclass(frozen=True)
class Copying:
    """What a run's samples copied.

    Attributes:
        share: of their tokens, in passages that stand word for word in training articles and have more words than chance
            explains. longest_words: those of the longest passage.
        unseen_longest_words: that of articles which the run has never seen; None where there are none to compare with.
    """

    share: float
    longest_words: int
    unseen_longest_words: int | None


@dataclass(frozen=True)
class Evidence:
    """What is known of a run that has ended.

    Attributes:
        step: the last. own, start: of its result, and of what it started from, which is its base or else a checkpoint
            (`from_base`). measured: on which tokens of validation these two are (`measured_on.WHOLE` …).
        own_part, start_part: on that part, with the sums of the articles where they were kept.
        validation: (step, figures) of each measurement there, from the start on; with sums the lowest and the last.
        training: (step, loss) of the reports of steps.
        english, start_english: on general English.
        no_number_at: the step at which the loss became infinite or no number.
        early_end: the event, where patience ended the run.
    """

    step: int
    own: Figures | None = None
    start: Figures | None = None
    measured: str = AT_INTERVALS
    from_base: bool = True
    own_part: Figures | None = None
    start_part: Figures | None = None
    validation: tuple[tuple[int, Figures], ...] = ()
    training: tuple[tuple[int, float], ...] = ()
    english: Figures | None = None
    start_english: Figures | None = None
    bigram: Bigram | None = None
    copying: Copying | None = None
    no_number_at: int | None = None
    early_end: dict[str, Any] | None = None

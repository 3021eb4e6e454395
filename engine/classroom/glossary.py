"""Twelve words that a reader needs to understand a run, each explained in a sentence or two."""

from collections.abc import Callable


def entries(_: Callable[[str], str]) -> list[tuple[str, str]]:
    """The words and what they mean, in the language of `_`."""
    return [
        (
            _("token"),
            _("A piece of text that the model reads and writes at once: a short word, or a part of a long one."),
        ),
        (
            _("model"),
            _("A program that gives every token a probability to come next. GPT-2 is one; it looks nothing up."),
        ),
        (_("weights"), _("The millions of numbers in a model. All that it has learned is in them.")),
        (_("base model"), _("The model before this training. It has already learned English from other texts.")),
        (_("fine-tuning"), _("Going on training a base model on texts of one kind, so that it writes as they do.")),
        (_("step"), _("One small correction of all weights, after a few pages have been read.")),
        (_("validation"), _("Articles kept aside: the model is measured on them and never learns from them.")),
        (
            _("accuracy"),
            _(
                "How often the token that the model holds for the likeliest is the real next one. It says nothing of truth."
            ),
        ),
        (_("bits per byte"), _("How surprised the model is by a text. Less is better; sure and wrong costs most.")),
        (_("overfitting"), _("It goes on improving on what it has read and becomes worse on what it has not.")),
        (_("forgetting"), _("What a model loses of what it knew before, while it learns something else.")),
        (_("checkpoint"), _("The weights as they were after a step, kept in a file. The hash is its fingerprint.")),
    ]

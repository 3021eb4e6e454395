"""How an export is used elsewhere: a few lines of Python, and what they must not leave out."""

from pathlib import Path

from engine.core.errors import PresetError
from engine.presets import catalogue, tokenizers
from engine.presets.catalogue import Preset
from engine.presets.tokenizers import END_OF_TEXT
from engine.runs.settings import CKPT, H5, HUGGING_FACE, KERAS, PRESET

PROMPT = "The patients were"
_MARK = (
    f"The prompt is opened by `{END_OF_TEXT}`, as every article was in training: without it the same weights write another "
    "text. A blank at its end spoils what follows."
)
_LINES = {
    HUGGING_FACE: f"""\
from transformers import pipeline
write = pipeline("text-generation", "FOLDER")
print(write("{END_OF_TEXT}{PROMPT}")[0]["generated_text"])""",
    PRESET: """\
import keras_hub
model = keras_hub.models.GPT2CausalLM.from_preset("FOLDER")
print(model.generate({prompt}))""",
    KERAS: """\
import keras, keras_hub
backbone = keras.saving.load_model("FILE.keras")
model = keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)""",
    H5: """\
import keras_hub
backbone = keras_hub.models.GPT2Backbone({sizes})
backbone.load_weights("FILE.weights.h5")""",
    CKPT: """\
import keras_hub, tensorflow as tf
backbone = keras_hub.models.GPT2Backbone({sizes})
tf.train.Checkpoint(model=backbone).read("FOLDER/model.ckpt").expect_partial()""",
}
# keras-hub reads a Hugging Face folder as it is, but takes GPT-2's 1,024 positions for granted.
_KERAS_HUB_TOO = """
keras-hub opens the same folder:

```python
import keras_hub
model = keras_hub.models.GPT2CausalLM.from_preset("FOLDER")
print(model.generate({prompt}))
```

"""
_KERAS_HUB_PADDING = 0  # GPT2Tokenizer.pad_token_id
_NOTES = {
    HUGGING_FACE: _MARK,
    PRESET: f"keras-hub puts `{END_OF_TEXT}` in front of the prompt by itself, as every article was opened in training. A "
    "blank at the prompt's end spoils what follows.",
    KERAS: "It holds the backbone: token ids in, hidden states out, no text. Keras knows its class where keras_hub is "
    "imported; the last line adds the head, whose weights are those of the token embedding. It holds no vocabulary: that is "
    "in the preset. " + _MARK,
    H5: "It holds the weights of the backbone alone, without architecture and vocabulary. " + _MARK,
    CKPT: "It holds the weights of the backbone alone, without architecture and vocabulary. " + _MARK,
}


def lines(form: str, preset: Preset, vocabulary: Path | None = None) -> str:
    """Python that opens an export of that form.

    Args:
        vocabulary: the folder that holds the preset's; None = the preset's own, where it has one.
    """
    sizes = {
        "vocabulary_size": preset.vocabulary_size,
        "num_layers": preset.num_layers,
        "num_heads": preset.num_heads,
        "hidden_dim": preset.hidden_dim,
        "intermediate_dim": 4 * preset.hidden_dim,  # GPT-2's ratio
        "max_sequence_length": preset.max_sequence_length,
    }
    arguments = "(" + ", ".join(f"{name}={value}" for name, value in sizes.items()) + ")"
    if not preset.hidden_dim:  # a name on a hub, whose files alone tell
        arguments = f'.from_preset("{preset.reference}", load_weights=False)'
    prompt = _prompt("", _ends_at_padding(preset, vocabulary))
    return _LINES[form].replace("({sizes})", arguments).replace("{prompt}", prompt)


def _prompt(length: str, ends_at_padding: bool) -> str:
    """What keras-hub's `generate` is given."""
    return f'"{PROMPT}"{length}' + (", stop_token_ids=None" if ends_at_padding else "")


def _ends_at_padding(preset: Preset, vocabulary: Path | None) -> bool:
    """Whether the mark has the id that keras-hub fills up with, as in presets of earlier versions: it takes what is still
    empty for the end and writes nothing."""
    if vocabulary is None and preset.folder is None:
        return False  # GPT-2's own, where the mark is last
    try:
        tokenizer = tokenizers.load(vocabulary) if vocabulary else catalogue.tokenizer(preset)
    except PresetError:
        return False
    return tokenizer.end_of_text == _KERAS_HUB_PADDING


def markdown(form: str, preset: Preset, vocabulary: Path | None = None) -> str:
    """A section of a model card; `vocabulary` as in `lines`."""
    ends_at_padding = _ends_at_padding(preset, vocabulary)
    section = f"\n## Use\n\n```python\n{lines(form, preset, vocabulary)}\n```\n\n{_NOTES[form]}\n"
    if form == HUGGING_FACE:
        length = f", max_length={preset.max_sequence_length}" if preset.max_sequence_length else ""
        section += _KERAS_HUB_TOO.replace("{prompt}", _prompt(length, ends_at_padding))
        section += _NOTES[PRESET].replace("by itself, as every article was opened in training", "by itself") + (
            f" Without `max_length` it fills 1,024 tokens, and the model has {preset.max_sequence_length} positions.\n"
            if length and preset.max_sequence_length < 1024
            else "\n"
        )
    if ends_at_padding and form in (PRESET, HUGGING_FACE):
        section += (
            f"\n`stop_token_ids=None` is needed: `{END_OF_TEXT}` has the id 0 here, with which keras-hub fills up, so that it "
            "would take the empty places for the end and give the prompt back. It then writes on to the greatest length.\n"
        )
    return section

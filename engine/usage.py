"""How an export is used elsewhere: a few lines of Python, and what they must not leave out."""

from engine.presets import Preset
from engine.tokenizers import END_OF_TEXT

PROMPT = "The patients were"
_MARK = (
    f"The prompt is opened by `{END_OF_TEXT}`, as every article was in training: without it the same weights write another "
    "text. A blank at its end spoils what follows."
)
_LINES = {
    "hugging-face": f"""\
from transformers import pipeline
write = pipeline("text-generation", "FOLDER")
print(write("{END_OF_TEXT}{PROMPT}")[0]["generated_text"])""",
    "preset": f"""\
import keras_hub
model = keras_hub.models.GPT2CausalLM.from_preset("FOLDER")
print(model.generate("{PROMPT}"))""",
    "keras": """\
import keras, keras_hub
backbone = keras.saving.load_model("FILE.keras")
model = keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)""",
    "weights.h5": """\
import keras_hub
backbone = keras_hub.models.GPT2Backbone({sizes})
backbone.load_weights("FILE.weights.h5")""",
    "ckpt": """\
import keras_hub, tensorflow as tf
backbone = keras_hub.models.GPT2Backbone({sizes})
tf.train.Checkpoint(model=backbone).read("FOLDER/model.ckpt").expect_partial()""",
}
_NOTES = {
    "hugging-face": _MARK,
    "preset": f"keras-hub puts `{END_OF_TEXT}` in front of the prompt by itself, as every article was opened in training. A "
    "blank at the prompt's end spoils what follows.",
    "keras": "It holds the backbone: token ids in, hidden states out, no text. Keras knows its class where keras_hub is "
    "imported; the last line adds the head, whose weights are those of the token embedding. It holds no vocabulary: that is "
    "in the preset. " + _MARK,
    "weights.h5": "It holds the weights of the backbone alone, without architecture and vocabulary. " + _MARK,
    "ckpt": "It holds the weights of the backbone alone, without architecture and vocabulary. " + _MARK,
}


def lines(form: str, preset: Preset) -> str:
    """Python that opens an export of that form."""
    sizes = {
        "vocabulary_size": preset.vocabulary_size,
        "num_layers": preset.num_layers,
        "num_heads": preset.num_heads,
        "hidden_dim": preset.hidden_dim,
        "intermediate_dim": 4 * preset.hidden_dim,  # GPT-2's ratio
        "max_sequence_length": preset.max_sequence_length,
    }
    told = "(" + ", ".join(f"{name}={value}" for name, value in sizes.items()) + ")"
    if not preset.hidden_dim:  # a name on a hub, whose files alone tell
        told = f'.from_preset("{preset.reference}", load_weights=False)'
    return _LINES[form].replace("({sizes})", told)


def markdown(form: str, preset: Preset) -> str:
    """A section of a model card."""
    return f"\n## Use\n\n```python\n{lines(form, preset)}\n```\n\n{_NOTES[form]}\n"

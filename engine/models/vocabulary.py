"""The vocabulary of any preset, also of one that keras-hub fetches; Keras is loaded for those alone."""

from engine.presets import catalogue
from engine.presets.tokenizers import Tokenizer


def vocabulary(preset: str) -> Tokenizer:
    """The tokenizer of a preset; of a name that keras-hub fetches, the vocabulary alone is fetched.

    Raises:
        PresetError: no such preset, no vocabulary, or no network.
    """
    found = catalogue.find(preset)
    if found.folder is not None:
        return catalogue.tokenizer(found)
    from engine.models import loading  # Keras fetches it

    return loading.hub_tokenizer(found)

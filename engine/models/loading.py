"""A preset or a checkpoint's weights → a GPT-2 that trains, scores or generates.

A preset is a folder in keras-hub's form, a local Hugging Face folder, or a name that keras-hub knows.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.core import framework, paths
from engine.core.errors import CheckpointError, PresetError
from engine.core.files import read_json
from engine.core.folders import staged_folder
from engine.models import attention
from engine.models.backend import keras_hub
from engine.models.protocols import Backbone
from engine.presets import arithmetic, catalogue, tokenizers
from engine.presets.catalogue import Preset
from engine.runs import checkpoints
from engine.runs.references import ModelReference


@dataclass(frozen=True)
class Architecture:
    """The size of a GPT-2 (Radford et al. 2019, section 2.3).

    Attributes:
        vocabulary_size: entries of the vocabulary.
        num_layers: transformer blocks.
        num_heads: attention heads of a block.
        hidden_dim: width of the residual stream.
        max_sequence_length: positions, in tokens.
        dropout: share of activations dropped while training.
    """

    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    max_sequence_length: int
    dropout: float = 0.0


def new(architecture: Architecture) -> "keras_hub.models.GPT2CausalLM":
    """A GPT-2 with random weights, initialised as keras-hub does (seed with `keras.utils.set_random_seed` before)."""
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=architecture.vocabulary_size,
        num_layers=architecture.num_layers,
        num_heads=architecture.num_heads,
        hidden_dim=architecture.hidden_dim,
        intermediate_dim=4 * architecture.hidden_dim,  # GPT-2's ratio
        max_sequence_length=architecture.max_sequence_length,
        dropout=architecture.dropout,
    )
    attention.fuse(backbone)
    return keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)


def save_preset(
    model: "keras_hub.models.GPT2CausalLM",
    vocabulary: dict[str, int],
    merges: list[tuple[str, str]],
    folder: Path,
    card: str,
) -> None:
    """Writes a keras-hub preset in one step: configuration, weights, vocabulary and `README.md` with the card.

    Raises:
        StorageError: no rights or no space.
    """
    former = model.preprocessor
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with staged_folder(folder) as staging:
            with_preprocessor(model, vocabulary, merges).save_to_preset(str(staging))
            (staging / "README.md").write_text(card, encoding="utf-8")
    finally:
        model.preprocessor = former


def with_preprocessor(
    model: "keras_hub.models.GPT2CausalLM", vocabulary: dict[str, int], merges: list[tuple[str, str]]
) -> "keras_hub.models.GPT2CausalLM":
    """The model with a keras-hub preprocessor of that vocabulary, which its exports take along; the same object."""
    tokenizer = keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=[" ".join(merge) for merge in merges])
    model.preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(
        tokenizer, sequence_length=model.backbone.max_sequence_length
    )
    return model


def load(
    model: ModelReference, dropout: float | None = None, dtype: str = "float32", random_weights: bool = False
) -> tuple["keras_hub.models.GPT2CausalLM", tokenizers.Tokenizer]:
    """The GPT-2 and the tokenizer of a preset or a checkpoint. The files are verified before they are used.

    Args:
        dropout: share of activations dropped while training, in place of the preset's.
        dtype: Keras dtype policy.
        random_weights: initialised as keras-hub does in place of the preset's (seed with `keras.utils.set_random_seed` before).

    Raises:
        PresetError: a hub name without network, or files that are no GPT-2. CheckpointError: torn or altered.
    """
    if model.checkpoint is not None:
        if model.checkpoint.format == checkpoints.CKPT and (problem := framework.ckpt_problem()) is not None:
            raise problem
        checkpoints.verify(model.checkpoint, model.checkpoint.weights_files, fresh=True)
    backbone, tokenizer = _load_preset(model.preset, dtype, not random_weights)
    if dropout is not None and dropout != backbone.dropout:
        fresh = keras_hub.models.GPT2Backbone.from_config({**backbone.get_config(), "dropout": dropout})
        fresh.set_weights(backbone.get_weights())
        backbone = fresh
    attention.fuse(backbone)
    if model.checkpoint is not None:
        _read(backbone, model)
    return keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None), tokenizer


def load_weights(model: "keras_hub.models.GPT2CausalLM", reference: ModelReference) -> None:
    """Puts the weights of another model of the same preset into one that is there; verified before they are used.

    Raises:
        PresetError, CheckpointError: as `load`.
    """
    if reference.checkpoint is None:
        backbone, _tokenizer = _load_preset(reference.preset, "float32")
        model.backbone.set_weights(backbone.get_weights())
        return
    checkpoints.verify(reference.checkpoint, reference.checkpoint.weights_files, fresh=True)
    _read(model.backbone, reference)


def _read(backbone: Backbone, reference: ModelReference) -> None:
    assert reference.checkpoint is not None
    try:
        read_weights(backbone, reference.checkpoint.folder, reference.checkpoint.format)
    except (ValueError, OSError, KeyError, AssertionError) as error:
        raise CheckpointError(
            "{name} does not fit {preset}: {reason}",
            name=reference.reference,
            preset=reference.preset.reference,
            reason=error,
        ) from error


def read_weights(backbone: Backbone, folder: Path, form: str) -> None:
    """Reads the weights of one of `CHECKPOINT_FORMATS` into a backbone, and nothing else: no configuration, no code.

    Raises:
        ValueError, OSError, KeyError, AssertionError: they do not fit.
    """
    if form != checkpoints.CKPT:
        with warnings.catch_warnings():
            # Keras only warns where it leaves layers as they were: to us that is the wrong file.
            warnings.simplefilter("error", UserWarning)
            try:
                backbone.load_weights(folder / checkpoints.WEIGHTS_FILES[form][0])
            except UserWarning as warning:
                raise ValueError(str(warning)) from warning
        return
    if (problem := framework.ckpt_problem()) is not None:  # the other formats can be read on JAX too
        raise problem
    import tensorflow as tf

    try:
        with paths.without_pattern(folder / "model.ckpt") as prefix:
            status = tf.train.Checkpoint(model=backbone).read(str(prefix))
            status.assert_existing_objects_matched().expect_partial()
    except tf.errors.OpError as error:
        raise ValueError(str(error)) from error


def save_weights(model: "keras_hub.models.GPT2CausalLM", path: Path) -> None:
    """Writes the weights alone (adapters merged), in the form of a preset's `model.weights.h5`."""
    model.backbone.save_weights(path)


def _load_preset(preset: Preset, dtype: str, weights: bool = True) -> tuple[Backbone, tokenizers.Tokenizer]:
    if preset.folder is None:
        return _load_from_hub(preset, dtype, weights)
    try:
        # The backbone alone: keras-hub's own tokenizer is not needed, nor tensorflow-text, which Windows lacks.
        backbone = keras_hub.models.GPT2Backbone.from_preset(str(preset.folder), dtype=dtype, load_weights=weights)
    except Exception as error:  # keras-hub raises many kinds for files that do not fit
        raise PresetError(
            "The preset {folder} cannot be loaded: {reason}", folder=preset.folder, reason=error
        ) from error
    return backbone, tokenizers.load(preset.folder)


def hub_tokenizer(preset: Preset) -> tokenizers.Tokenizer:
    """The tokenizer of a preset that keras-hub fetches; its vocabulary alone is fetched.

    Raises:
        PresetError: no vocabulary, or no network.
    """
    return tokenizers.load(vocabulary_folder(preset))


def vocabulary_folder(preset: Preset) -> Path:
    """The folder that holds a preset's vocabulary; of a preset that keras-hub fetches, its vocabulary alone is fetched.

    Raises:
        PresetError: no network.
    """
    if preset.folder is not None:
        return preset.folder
    with _hub_errors(preset):
        return _hub_vocabulary(preset.reference)


def _load_from_hub(preset: Preset, dtype: str, weights: bool) -> tuple[Backbone, tokenizers.Tokenizer]:
    """A preset that keras-hub fetches, or finds in its cache."""
    with _hub_errors(preset):
        _check_arithmetic(preset.reference)
        backbone = keras_hub.models.GPT2Backbone.from_preset(preset.reference, dtype=dtype, load_weights=weights)
        return backbone, tokenizers.load(_hub_vocabulary(preset.reference))


def _check_arithmetic(name: str) -> None:
    """Refuses a Hugging Face model of the hub that computes something else than GPT-2, which keras-hub does not look at."""
    from keras_hub.src.utils import preset_utils

    config = read_json(Path(preset_utils.get_file(name, "config.json")))
    if "model_type" in config:  # keras-hub's own describe a class
        arithmetic.check(config, "config.json", PresetError)


def _hub_vocabulary(name: str) -> Path:
    from keras_hub.src.utils import preset_utils  # get_file: the only way to fetch one asset of a preset

    with contextlib.suppress(FileNotFoundError):
        preset_utils.get_file(name, "assets/tokenizer/merges.txt")
        return Path(preset_utils.get_file(name, "assets/tokenizer/vocabulary.json")).parent
    with contextlib.suppress(FileNotFoundError):
        preset_utils.get_file(name, "merges.txt")
        return Path(preset_utils.get_file(name, "vocab.json")).parent
    return Path(preset_utils.get_file(name, "tokenizer.json")).parent


@contextlib.contextmanager
def _hub_errors(preset: Preset) -> Iterator[None]:
    """Asks the network only where it is there, and turns whatever the hubs' clients raise into one sentence."""
    catalogue.check_available(preset)
    if not catalogue.reachable(preset):
        os.environ["HF_HUB_OFFLINE"] = "1"  # a cached preset still loads; the hub's own retries take 24 s
    try:
        yield
    except Exception as error:  # the hubs' clients raise many kinds
        raise PresetError("{preset} cannot be loaded: {reason}", preset=preset.reference, reason=error) from error

"""The variables of a GPT-2 backbone: what files of other programs and versions call them, and which shape they have.

keras-hub and keras-nlp have named the same variables in several ways, by the layer's name
(`transformer_layer_0/self_attention/query/kernel`), by its class (`layers/transformer_decoder/…/query_dense/vars/0`), or by
its place (`layer_with_weights-2/_self_attention_layer/_query_dense/kernel`); tests hold files written by real versions.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from engine.core.errors import CheckpointError

KERAS, HUGGING_FACE, OPENAI = "keras-hub", "hugging-face", "openai"
PROGRAMS = {  # whose names the arrays of a file have
    KERAS: "keras-hub or keras-nlp",
    HUGGING_FACE: "Hugging Face transformers",
    OPENAI: "OpenAI's gpt-2 or gpt-2-simple (TensorFlow 1)",
}


@dataclass(frozen=True)
class Sizes:
    """The architecture of a GPT-2 as the shapes of its weights show it."""

    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    max_sequence_length: int

    @classmethod
    def of(cls, described: Any) -> Self:
        """The sizes of whatever has attributes of these names, a preset for one."""
        return cls(*(getattr(described, name) for name in cls.__dataclass_fields__))

    def to_json(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


@dataclass(frozen=True)
class Variable:
    """One variable: its block (None outside the blocks), the layer that owns it, and which of the layer's it is."""

    block: int | None
    owner: str
    leaf: str

    def __str__(self) -> str:
        return "/".join(([] if self.block is None else [f"block {self.block}"]) + [self.owner, self.leaf])


class Seen(NamedTuple):
    """What a name says of a variable; `container` orders the blocks where their numbers are not in the names."""

    block: int | None
    container: int | None
    owner: str
    leaf: str


_EMBEDDINGS = ("token_embedding", "position_embedding")
_NORMS = ("self_attention_layer_norm", "feedforward_layer_norm")
_DENSE = ("query", "key", "value", "attention_output", "feedforward_intermediate_dense", "feedforward_output_dense")
_OWNERS = {
    **{name: name for name in (*_EMBEDDINGS, *_NORMS, *_DENSE, "layer_norm")},
    **{f"{name}_dense": name for name in ("query", "key", "value")},
    "output_dense": "attention_output",
    "reversible_embedding": "token_embedding",
    "layer_normalization": "layer_norm",
}
_BLOCK = re.compile(r"transformer_layer_(\d{1,4})|transformer_decoder(?:_(\d{1,4}))?")
_CONTAINER = re.compile(r"(?:layer_with_weights-|)(\d{1,4})")
_TRAINERS = {"optimizer", "optimizer_weights", "metrics", "_metrics", "loss_tracker"}
_SLOT = re.compile(
    r"(^|/)optimizer/(?!_trainable_variables/)|\.OPTIMIZER_SLOT|_CHECKPOINTABLE_OBJECT_GRAPH|save_counter"
)


def is_weight(name: str) -> bool:
    """Whether a name is none of an optimizer's, a metric's or a format's own."""
    return name.split("/", 1)[0] not in _TRAINERS - {"optimizer"} and not _SLOT.search(name)


def see(name: str) -> Seen | None:
    """Which variable of a GPT-2 a name means, or None."""
    tokens = [token.removesuffix(":0") for token in name.split("/") if token != ".ATTRIBUTES"]
    if tokens[-1] == "VARIABLE_VALUE":
        tokens.pop()
    leaf, path = tokens[-1].lstrip("_"), [token.lstrip("_") for token in tokens[:-1]]
    numbered = path[-1:] == ["vars"]
    if numbered:
        path.pop()
    owner = _OWNERS.get(path[-1] if path else "")
    if owner is None:
        return None
    leaves = ("embeddings",) if owner in _EMBEDDINGS else ("kernel", "bias") if owner in _DENSE else ("gamma", "beta")
    if numbered and leaf.isdecimal() and int(leaf) < len(leaves):
        leaf = leaves[int(leaf)]
    elif leaf == "position_embeddings":
        leaf = "embeddings"
    if leaf not in leaves:
        return None
    if owner in (*_EMBEDDINGS, "layer_norm"):
        return Seen(None, None, owner, leaf)
    for token in path[:-1]:
        if match := _BLOCK.fullmatch(token):
            return Seen(int(match[1] or match[2] or 0), None, owner, leaf)
    layers = [match for token in path[:-1] if (match := _CONTAINER.fullmatch(token))]
    return Seen(None, int(layers[-1][1]), owner, leaf) if layers else None


def named(names: Iterable[tuple[str, str]]) -> dict[Variable, list[str]]:
    """The variables that keys mean, each with the keys that hold it.

    Args:
        names: (key, another name of the same variable or "") of every weight in a file.

    Raises:
        CheckpointError: adapters stand beside the weights.
    """
    seen: list[tuple[Seen, str]] = []
    for key, full_name in names:
        if not is_weight(key):
            continue
        if "lora_kernel" in key or "lora_kernel" in full_name:
            raise CheckpointError(
                "It holds LoRA adapters beside the weights, which are only right together: merge them before it is "
                "saved (Keras does so in save_weights and save_to_preset)."
            )
        if found := see(full_name) or see(key):
            seen.append((found, key))
    order = sorted({found.container for found, _ in seen if found.container is not None})
    variables: dict[Variable, list[str]] = {}
    for found, key in seen:
        block = found.block if found.container is None else order.index(found.container)
        variables.setdefault(Variable(block, found.owner, found.leaf), []).append(key)
    return variables


def sizes(shapes: dict[Variable, tuple[int, ...]]) -> Sizes:
    """The architecture that shapes show.

    Raises:
        CheckpointError: they are not those of a GPT-2.
    """
    token = shapes.get(Variable(None, "token_embedding", "embeddings"), ())
    position = shapes.get(Variable(None, "position_embedding", "embeddings"), ())
    query = shapes.get(Variable(0, "query", "kernel"), ())
    if len(token) != 2 or len(position) != 2 or len(query) != 3:
        raise CheckpointError(
            "It holds no GPT-2 as keras-hub or keras-nlp saves it: token and position embeddings and the first block's "
            "attention were looked for ({count} of a GPT-2's variables are there).",
            count=len(shapes),
        )
    blocks = {variable.block for variable in shapes if variable.block is not None}
    found = Sizes(token[0], max(blocks) + 1, query[1], token[1], position[0])
    for variable, wanted in expected(found).items():
        if variable not in shapes:
            raise CheckpointError("It lacks {variable}: it is not a whole GPT-2.", variable=variable)
        if shapes[variable] != wanted:
            raise CheckpointError(
                "{variable} has the shape {shape}; a GPT-2 of this size has {wanted} there.",
                variable=variable,
                shape=shapes[variable],
                wanted=wanted,
            )
    return found


def expected(s: Sizes) -> dict[Variable, tuple[int, ...]]:
    """Every variable of a GPT-2 of that size, in the order of the model, with its shape."""
    d, heads, inner = s.hidden_dim, s.num_heads, 4 * s.hidden_dim
    head = d // heads if heads else 0
    of_block: dict[tuple[str, str], tuple[int, ...]] = {}
    for name in ("query", "key", "value"):
        of_block |= {(name, "kernel"): (d, heads, head), (name, "bias"): (heads, head)}
    of_block |= {("attention_output", "kernel"): (heads, head, d), ("attention_output", "bias"): (d,)}
    of_block |= {("feedforward_intermediate_dense", "kernel"): (d, inner)}
    of_block |= {("feedforward_intermediate_dense", "bias"): (inner,)}
    of_block |= {("feedforward_output_dense", "kernel"): (inner, d), ("feedforward_output_dense", "bias"): (d,)}
    of_block |= {(norm, leaf): (d,) for norm in _NORMS for leaf in ("gamma", "beta")}
    variables: dict[Variable, tuple[int, ...]] = {
        Variable(None, "token_embedding", "embeddings"): (s.vocabulary_size, d),
        Variable(None, "position_embedding", "embeddings"): (s.max_sequence_length, d),
    }
    for block in range(s.num_layers):
        variables |= {Variable(block, *of): shape for of, shape in of_block.items()}
    return variables | {Variable(None, "layer_norm", leaf): (d,) for leaf in ("gamma", "beta")}


def float32_bytes(s: Sizes) -> int:
    """The bytes of all variables in float32."""
    return 4 * sum(math.prod(shape) for shape in expected(s).values())


_KERAS_OWNERS = {
    "token_embedding": "reversible_embedding",
    "layer_norm": "layer_normalization",
    "attention_output": "_self_attention_layer/output_dense",
    **{name: f"_self_attention_layer/{name}_dense" for name in ("query", "key", "value")},
    **{name: f"_{name}" for name in (*_NORMS, *_DENSE[4:])},
}


def keras_path(variable: Variable) -> str:
    """Where a variable stands in the `.weights.h5` that today's keras-hub writes of a backbone."""
    owner = _KERAS_OWNERS.get(variable.owner, variable.owner)
    if variable.block is not None:
        owner = "transformer_decoder" + (f"_{variable.block}" if variable.block else "") + f"/{owner}"
    return f"layers/{owner}/vars/{1 if variable.leaf in ('bias', 'beta') else 0}"

"""Next-token cross-entropy of a GPT-2 without all of its logits: worked off in chunks of positions, the gradient with them.

The logits of a batch are what a step of a small GPT-2 needs most memory for: positions x vocabulary, in float32, several
times over. Here a chunk's logits give its loss, what was right, and its gradient at once, and only the gradients with
respect to the hidden states and the embedding are kept: nothing is computed again on the way back, as checkpointing
would (Chen et al. 2016).
"""

import math

from engine.presets.memory import CHUNK_LOGITS


def chunks(positions: int, vocabulary_size: int, most: int = CHUNK_LOGITS) -> tuple[int, int]:
    """How many chunks so many positions are worked off in, all alike, and positions in each; the last may be padded."""
    size = math.ceil(positions / math.ceil(positions / max(1, most // vocabulary_size)))
    return math.ceil(positions / size), size

"""What a TensorFlow checkpoint declares, and its numbers. Only in a child: the reader is a parser in C++."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from engine.core.errors import CheckpointError
from engine.exchange.foreign.hdf5 import Array, slices

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_FLOATS = (tf.float16, tf.bfloat16, tf.float32, tf.float64)


def arrays(prefix: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Every array of a checkpoint by its key, and the names that its object graph gives the keys.

    Args:
        prefix: without characters of patterns (`paths.without_pattern`), also while the arrays are read.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        names = _names(reader) if _GRAPH in shapes else {}
    except (tf.errors.OpError, RuntimeError, ValueError, KeyError) as error:
        raise _damaged(error) from error
    found = {key: Array(tuple(shape), dtypes[key] in _FLOATS, _rows(reader, key)) for key, shape in shapes.items()}
    return found, names


def _names(reader: Any) -> dict[str, str]:
    """checkpoint key → the variable's own name, as the object graph has it."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    try:
        graph.ParseFromString(reader.get_tensor(_GRAPH))
    except Exception as error:  # protobuf's DecodeError is not public
        raise CheckpointError("The checkpoint's object graph is damaged.") from error
    return {a.checkpoint_key: a.full_name for node in graph.nodes for a in node.attributes}


def _rows(reader: Any, key: str) -> Callable[[], Iterator[np.ndarray]]:
    def rows() -> Iterator[np.ndarray]:
        try:
            values = np.asarray(reader.get_tensor(key))
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            raise _damaged(error) from error
        for part in slices(values.shape, values.itemsize):
            yield values[part]

    return rows


def _damaged(error: Exception) -> CheckpointError:
    return CheckpointError("The TensorFlow checkpoint is damaged: {reason}", reason=str(error).splitlines()[0][:200])

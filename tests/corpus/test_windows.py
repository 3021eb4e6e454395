"""Every token of the articles in range is a target exactly once an epoch, and none of any other article is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus import windows


@given(
    stream_length=st.integers(2, 400),
    length=st.integers(1, 64),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**31 - 1),
)
@settings(max_examples=150, deadline=None)
def test_an_epoch_holds_every_target_once(stream_length, length, batch_size, seed):
    stream = np.arange(1, stream_length + 1, dtype=np.uint16)  # each token its own place: what is missing shows
    shuffled = windows.Shuffled(stream, length, batch_size, seed)
    seen = []
    for position in range(shuffled.windows):
        step, row = divmod(position, batch_size)
        batch = shuffled.batch(step)
        seen.extend(batch.targets[row][batch.weights[row] > 0])
    assert sorted(seen) == list(range(2, stream_length + 1))


def test_inputs_are_the_tokens_before_the_targets():
    batch = windows.take(np.arange(10, dtype=np.uint16), np.array([0, 2]), 4)
    assert batch.token_ids.tolist() == [[0, 1, 2, 3], [8, 9, 0, 0]]
    assert batch.targets.tolist() == [[1, 2, 3, 4], [9, 0, 0, 0]]
    assert batch.weights.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    assert batch.tokens == 5


def test_a_batch_is_a_function_of_seed_and_step_alone():
    stream = np.arange(500, dtype=np.uint16)
    straight = windows.Shuffled(stream, 16, 4, seed=3)
    in_sequence = [straight.batch(step).token_ids for step in range(20)]
    resumed = windows.Shuffled(stream, 16, 4, seed=3)
    assert np.array_equal(resumed.batch(13).token_ids, in_sequence[13])
    assert not np.array_equal(windows.Shuffled(stream, 16, 4, seed=4).batch(13).token_ids, in_sequence[13])


def test_two_epochs_have_different_orders():
    stream = np.arange(0, 640, dtype=np.uint16)
    shuffled = windows.Shuffled(stream, 10, 8, seed=1)
    epochs = [[shuffled.batch(step).token_ids[:, 0].tolist() for step in range(e * 8, e * 8 + 8)] for e in (0, 1)]
    assert epochs[0] != epochs[1]
    assert sorted(sum(epochs[0], [])) == sorted(sum(epochs[1], []))


@pytest.mark.parametrize("stream_length", [2, 9, 64, 65])
def test_in_order_has_one_shape_and_every_token_once(stream_length):
    stream = np.arange(1, stream_length + 1, dtype=np.uint16)
    batches = list(windows.in_order(stream, 8, 3))
    assert {batch.token_ids.shape for batch in batches} == {(3, 8)}
    seen = [token for batch in batches for token in batch.targets[batch.weights > 0]]
    assert seen == list(range(2, stream_length + 1))

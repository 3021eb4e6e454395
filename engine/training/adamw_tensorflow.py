"""Keras's AdamW on TensorFlow with half of its operations: what all variables share is worked out once."""

import functools

import tensorflow as tf

from engine.models.backend import keras
from engine.models.protocols import Tensor, Variable


def share(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets an AdamW make its step with few operations; every other optimizer, and one with other wishes, stays as it is.

    Keras works out the rate, its correction and the constants anew for each variable, a quarter of what the training
    step of a small model is traced, optimised and begun with, while a person waits for the first step. The operations on
    the variables themselves are Keras's, one by one, so the results are the same to the last bit.
    """
    own = getattr(optimizer, "inner_optimizer", optimizer)  # under a scale of the loss
    wishes = (
        own.amsgrad or own.use_ema or own.gradient_accumulation_steps if type(own) is keras.optimizers.AdamW else True
    )
    if not wishes:
        own._backend_apply_gradients = functools.partial(_apply, own)


def _apply(optimizer: keras.optimizers.AdamW, gradients: list[Tensor], variables: list[Variable]) -> None:
    """What `keras.optimizers.AdamW` does with gradients (Loshchilov and Hutter 2019, algorithm 2)."""
    gradients = optimizer._clip_gradients(gradients)
    rate = tf.cast(optimizer.learning_rate, tf.float32)
    decay = None if optimizer.weight_decay is None else tf.constant(optimizer.weight_decay, tf.float32)
    step = tf.cast(tf.convert_to_tensor(optimizer.iterations.value) + 1, tf.float32)
    first_power = tf.pow(tf.constant(optimizer.beta_1, tf.float32), step)
    second_power = tf.pow(tf.constant(optimizer.beta_2, tf.float32), step)
    alpha = rate * tf.sqrt(1 - second_power) / (1 - first_power)
    first_share, second_share, epsilon = (
        tf.constant(number, tf.float32) for number in (1 - optimizer.beta_1, 1 - optimizer.beta_2, optimizer.epsilon)
    )
    for gradient, variable in zip(gradients, variables, strict=True):
        index = optimizer._get_variable_index(variable)
        value, momentum, velocity = (
            v.value for v in (variable, optimizer._momentums[index], optimizer._velocities[index])
        )
        gradient = tf.convert_to_tensor(gradient)  # an embedding's comes as slices
        if decay is not None and optimizer._use_weight_decay(variable):
            value.assign_sub(value * decay * rate, read_value=False)
        momentum.assign_add((gradient - momentum) * first_share, read_value=False)
        velocity.assign_add((tf.square(gradient) - velocity) * second_share, read_value=False)
        value.assign_sub((momentum * alpha) / (tf.sqrt(velocity) + epsilon), read_value=False)

"""A program of the tests: what the engine makes on the framework that KERAS_BACKEND names, written to a file.

python jax_steps.py FOLDER steps|pieces|devices|scorer|attention|float16
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

VOCABULARY, LENGTH, ROWS, STEPS = 300, 32, 5, 50


def model_of(dropout=0.0, dtype="float32", sizes=(2, 2, 32)):
    """A small GPT-2 with weights that depend on nothing but numpy's generator."""
    from engine.models import loading
    from engine.models.backend import keras

    keras.config.set_dtype_policy(dtype)
    layers, heads, width = sizes
    model = loading.new(loading.Architecture(VOCABULARY, layers, heads, width, LENGTH, dropout))
    rng = np.random.default_rng(0)
    for variable in model.backbone.weights:
        variable.assign(rng.normal(0, 0.05, variable.shape).astype("float32") + ("gamma" in variable.path))
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def batches(count):
    """Windows with padding."""
    from engine.corpus.windows import Batch

    rng = np.random.default_rng(1)
    for _ in range(count):
        ids = rng.integers(0, VOCABULARY, (ROWS, LENGTH + 1)).astype("int32")
        weights = np.ones((ROWS, LENGTH), "float32")
        weights[1, 20:] = 0
        yield Batch(ids[:, :-1], ids[:, 1:], weights)


def steps(folder, rows=ROWS, devices=(), name="steps"):
    """Steps of training: loss and accuracy of each, and the weights at the end."""
    from engine.models.backend import keras
    from engine.training.steppers import Packed

    model = model_of()
    stepper = Packed(model, rows, False, devices)
    found = [stepper.step(batch, 1e-3) for batch in batches(STEPS)]
    weights = [keras.ops.convert_to_numpy(variable) for variable in model.backbone.weights]
    losses, accuracies = ([step[key] for step in found] for key in ("loss", "accuracy"))
    np.savez(
        folder / f"{name}.npz",
        losses=losses,
        accuracies=accuracies,
        weights=np.concatenate([w.ravel() for w in weights]),
    )


def scorer(folder):
    """What a compiled scorer finds before and after the weights are set to nothing."""
    from engine.evaluation.scoring import Scorer

    model = model_of()
    scores = Scorer(model, False)
    batch = next(batches(1))
    before = float(scores.batch(batch)[0].mean())
    for variable in model.backbone.weights:
        variable.assign(np.zeros(variable.shape, "float32"))
    (folder / "scorer.json").write_text(json.dumps([before, float(scores.batch(batch)[0].mean())]))


def attention(folder):
    """Which kernels a step lowered for CUDA calls, without and with dropout; no GPU is needed for that."""
    import jax._src.cudnn.fused_attention_stablehlo as cudnn

    from engine.training import step_jax

    cudnn.check_cudnn_version = lambda *_: 91000
    cudnn.check_compute_capability = lambda *_: True
    cudnn.is_cuda_compute_capability_equal = lambda *_: False
    found = {}
    for dropout in (0.0, 0.1):
        model = model_of(dropout, "mixed_bfloat16", (2, 4, 256))
        stepper = step_jax.Accumulator(model, ROWS)
        values = [[v.value for v in group] for group in (stepper._trained, stepper._others, model.optimizer.variables)]
        batch = next(batches(1))
        arrays = (batch.token_ids, batch.targets, batch.weights)
        traced = stepper._step.trace(*values, np.float32(1e-3), np.float32(1), arrays)
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
        found[str(dropout)] = [
            sorted(set(re.findall(r"__cudnn\$[A-Za-z]+", text))),
            sorted(set(re.findall(r"mask_type[^A-Z]*([A-Z_]+)", text))),
        ]
    (folder / "attention.json").write_text(json.dumps(found))


def dropout(folder):
    """The loss of one model with and without dropout while training, and the hidden states of both otherwise."""
    from engine.models.backend import keras
    from engine.training.steppers import Packed

    found = []
    batch = next(batches(1))
    for share in (0.0, 0.5):
        keras.utils.set_random_seed(1)
        model = model_of(share, sizes=(1, 2, 32))
        inputs = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
        hidden = np.asarray(model.backbone(inputs, training=False))
        found.append((Packed(model, ROWS, False).step(batch, 1e-3)["loss"], hidden))
    (a, x), (b, y) = found
    (folder / "dropout.json").write_text(json.dumps([a, b, float(np.abs(x - y).max())]))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for part in sys.argv[2:]:
        if part == "pieces":
            steps(target, 2, name="pieces")
        elif part == "devices":
            steps(target, ROWS, ["/device:CPU:0", "/device:CPU:1"], name="devices")
        else:
            globals()[part](target)

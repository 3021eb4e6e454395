"""Folders of weights as other programs leave them, made for tests."""

import json
import zipfile
from pathlib import Path

import numpy as np


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
    return target


def tensorflow_1(tensors: dict[str, np.ndarray], folder: Path, moments: bool) -> Path:
    """A checkpoint as OpenAI's model.py names it and gpt-2-simple saves it, by TensorFlow's own Saver."""
    import tensorflow as tf

    folder.mkdir()
    values = {}
    for name, value in tensors.items():
        parts = name.removeprefix("transformer.").split(".")
        if parts[0] in ("wte", "wpe"):
            values[f"model/{parts[0]}"] = value
        elif parts[0] == "ln_f":
            values[f"model/ln_f/{ {'weight': 'g', 'bias': 'b'}[parts[1]] }"] = value
        elif parts[0] == "h":
            leaf = {"weight": "g" if "ln" in parts[2] else "w", "bias": "b"}[parts[-1]]
            values["/".join([f"model/h{parts[1]}", *parts[2:-1], leaf])] = value[None] if leaf == "w" else value
    if moments:
        values |= {f"{name}/{slot}": np.ones_like(v) for name, v in values.items() for slot in ("Adam", "Adam_1")}
        values["beta1_power"] = np.float32(0.9)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            tf.compat.v1.get_variable(name, initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(folder / "model"), global_step=1000)
    (folder / "hparams.json").write_text(
        json.dumps({"n_vocab": 400, "n_ctx": 64, "n_embd": 32, "n_head": 2, "n_layer": 2})
    )
    return folder

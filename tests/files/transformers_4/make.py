"""Writes the files beside this one with transformers 4.46 on TensorFlow, the last major version that has a TensorFlow part.

    python -m venv old && old/bin/pip install "transformers==4.46.3" "tf_keras==2.21.0" "tensorflow==2.21.*"
    TF_USE_LEGACY_KERAS=1 old/bin/python make.py

A GPT-2 of 2 blocks, width 8 and 60 entries with random weights: numbers and nothing else.
"""

import numpy as np
import tensorflow as tf
from transformers import GPT2Config, TFGPT2LMHeadModel

tf.random.set_seed(1)
model = TFGPT2LMHeadModel(GPT2Config(vocab_size=60, n_positions=16, n_embd=8, n_layer=2, n_head=2))
ids = np.arange(16).reshape(2, 8) % 60
model(ids)
model.set_weights([w + np.random.default_rng(1).normal(0, 0.1, w.shape).astype("f4") for w in model.get_weights()])
np.save("logits.npy", model(ids).logits.numpy())  # (2, 8, 60)
model.save_pretrained(".")

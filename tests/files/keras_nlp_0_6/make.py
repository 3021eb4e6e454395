"""Writes the files beside this one with keras-nlp 0.6.4 on TensorFlow 2.15, as the original project's time had them.

    python -m venv old && old/bin/pip install tensorflow==2.15.1 keras-nlp==0.6.4 tensorflow-text==2.15.0
    old/bin/python make.py

A GPT-2 of 2 blocks, width 8 and 60 entries after one step on constant tokens: numbers and nothing else.
"""

import keras
import keras_nlp
import numpy as np

keras.utils.set_random_seed(1)
backbone = keras_nlp.models.GPT2Backbone(60, 2, 2, 8, 32, 0.1, 16)
model = keras_nlp.models.GPT2CausalLM(backbone=backbone)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
inputs = {"token_ids": np.arange(16).reshape(2, 8) % 60, "padding_mask": np.ones((2, 8), "int32")}
checkpoint = keras.callbacks.ModelCheckpoint("model.ckpt", save_weights_only=True)
model.fit(inputs, np.ones((2, 8)), batch_size=2, verbose=0, callbacks=[checkpoint])
model.save_weights("model.weights.h5")
backbone.save("backbone.keras")
np.save("logits.npy", model.predict(inputs, verbose=0))  # (2, 8, 60)

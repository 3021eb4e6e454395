"""The names of the parts of a corpus."""

from engine.core.errors import sentence

SPLITS = TRAIN, VALIDATION, TEST = ("train", "validation", "test")
HELD_OUT = (VALIDATION, TEST)  # what no run is trained on
NAMES = {TRAIN: sentence("train"), VALIDATION: sentence("validation"), TEST: sentence("test")}

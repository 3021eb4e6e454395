"""The names of the parts of a corpus."""

SPLITS = TRAIN, VALIDATION, TEST = ("train", "validation", "test")
HELD_OUT = (VALIDATION, TEST)  # what no run is trained on

"""A training as it is played: its curve and, below, the sentence that changes with it."""

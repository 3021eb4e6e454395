"""From a run in the queue to its checkpoints."""

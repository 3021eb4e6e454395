"""Models from elsewhere, and checkpoints in other formats."""

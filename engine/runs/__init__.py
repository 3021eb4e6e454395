"""A run's folder, what it is made of, how it is queued, and the checkpoints in it. No TensorFlow here."""

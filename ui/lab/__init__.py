"""What the Lab shows: a training as it is played, and the experiments."""

"""A request for texts, the messages while they are written, what came of it, and what is kept."""

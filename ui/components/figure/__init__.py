"""A figure that is redrawn in place."""

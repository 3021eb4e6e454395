"""What long work says while it lasts, and how it is ended."""


class Cancelled(Exception):
    """Whoever asked for a piece of work does not want it any more. What was kept of it stays."""

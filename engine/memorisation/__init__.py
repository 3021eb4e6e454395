"""What of a text stands in the articles that a run has seen."""

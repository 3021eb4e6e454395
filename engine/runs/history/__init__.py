"""What a run reported: the one place that reads its events, and knows what a resumed run replaces."""

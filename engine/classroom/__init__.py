"""Lessons, experiments, a class's answers, and what a pupil takes home."""

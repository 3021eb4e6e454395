"""Prompts to samples, and what a model expected at each token."""

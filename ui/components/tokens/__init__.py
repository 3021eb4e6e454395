"""Tokens of a text, each on its ground."""

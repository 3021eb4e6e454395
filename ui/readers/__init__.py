"""Reads of run folders and corpora for the pages, as data; cached and shared between sessions."""

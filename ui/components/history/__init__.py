"""The browser's history, written from here."""

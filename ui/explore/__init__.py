"""What Explore shows of a run, a module a tab."""

"""What every room stands on, and that knows none of them: files, locks, paths, processes, the machine."""

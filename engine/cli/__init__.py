"""The command line: `python -m engine COMMAND`; argparse, a module a subject."""

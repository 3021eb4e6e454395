"""What there is, a module a tab of the Library."""

"""Where runs are trained: a launcher has them trained, cancels them, and says what became of them."""

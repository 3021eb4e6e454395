"""What the pages share: words, colours, figures, reads of run folders. Imports the engine, never TensorFlow."""

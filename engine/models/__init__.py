"""A preset or a checkpoint as a GPT-2 in Keras, and its weights on disk. From here on Keras may be imported."""

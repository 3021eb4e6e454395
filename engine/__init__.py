"""Atelier's engine: articles → tokens → windows → run → checkpoints → evaluations and samples.

Nothing in this package imports Streamlit, and importing the package imports neither TensorFlow nor Keras:
only `backend, models, training, evaluation, generation, pretraining` and the processes that start from them do.
"""

__version__ = "0.1.0"

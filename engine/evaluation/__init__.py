"""What a model is worth on articles: figures, what they come from, and how sure they are."""

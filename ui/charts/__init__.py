"""Figures: data → Plotly figure, pure; one template and the colours of models for all of them."""

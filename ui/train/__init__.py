"""How a run is set up."""

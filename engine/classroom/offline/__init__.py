"""The recorded lesson as one HTML file that opens on any computer, without a network and with nothing installed."""

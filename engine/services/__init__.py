"""The processes behind the dashboard, and how a page talks to them."""

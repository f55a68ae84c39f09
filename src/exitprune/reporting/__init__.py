"""From tables to figures and one page."""

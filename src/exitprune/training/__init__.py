"""The one training loop, its loss, and going on after a kill."""

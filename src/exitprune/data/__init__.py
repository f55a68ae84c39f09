"""Images: where they come from, how they are divided, and how networks see them."""

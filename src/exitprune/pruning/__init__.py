"""What goes, how much, when and in which order."""

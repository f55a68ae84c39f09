"""Where results come from: code, settings, images and environment; and whether one that is there is what is asked for."""

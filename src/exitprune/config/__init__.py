"""A study's parameters: one file per section, so that a stage depends on its own sections only; `study` puts them together."""

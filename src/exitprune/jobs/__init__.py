"""What every job does beside its work: the machine, seeds, progress, provenance, levels on disk."""

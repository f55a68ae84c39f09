"""What every job does beside its work, and what stands around all jobs of a study: how long, how far, what is kept."""

"""From levels to numbers: logits once, then sweeps, calibration, tables over seeds, claims."""

"""A run's folder while the run lasts: records, pictures, checkpoints, and whose it is."""

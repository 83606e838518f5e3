"""The process that serves the citizens' page and nothing else."""

"""A dossier's clock: terms, running time, segments, side clocks, and their assessment."""

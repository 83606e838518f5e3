"""A dossier's clock: terms, running time, segments, side clocks, and the verdict on them."""

"""Published figures: frozen for a period, and what was entered since."""

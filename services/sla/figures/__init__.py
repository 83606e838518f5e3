"""On-time figures: how dossiers are counted, divided and listed."""

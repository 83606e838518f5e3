"""Who may ask what of which dossier, and how it is judged."""

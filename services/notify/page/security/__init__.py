"""Who may open a dossier's page, and how guessing is made useless."""

"""What the citizens' page shows, decided before a template is filled."""

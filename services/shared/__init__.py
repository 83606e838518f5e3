"""What the services share of dossiers and citizens; the runtime knows nothing of it."""

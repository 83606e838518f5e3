"""What the services share about dossiers and citizens; the runtime does not use it."""

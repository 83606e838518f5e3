"""The citizens' page over HTTP: routes, forms, HTML, live updates."""

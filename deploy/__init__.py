"""How motcua is run: on one machine (`deploy.local`), and as configuration for real clusters."""

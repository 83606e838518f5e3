"""One dossier as notify sees it, and what its citizen is to be told."""

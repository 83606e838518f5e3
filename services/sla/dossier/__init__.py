"""One dossier as sla knows it: its state, and how facts change it."""

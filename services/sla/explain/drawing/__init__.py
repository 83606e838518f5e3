"""Draws a dossier's time, as SVG and as text."""

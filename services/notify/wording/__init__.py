"""Puts messages into words, by templates in each language."""

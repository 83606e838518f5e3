"""Generates the schemas and the AsyncAPI document, and checks that they stay compatible."""

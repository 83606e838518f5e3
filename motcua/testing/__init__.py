"""What tests of the city's rules are written with: a city in one process, in the field's words.

See docs/testing.md. `motcua.testing.plugin` gives it to pytest, and is loaded in every run of
pytest: so nothing is imported here.
"""

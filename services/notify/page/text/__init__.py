"""The wording of the citizens' page, in every language."""

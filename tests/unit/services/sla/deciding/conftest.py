"""A city in one process, for rules that are easier told by what people do than by facts."""

from motcua.testing.plugin import city as city

"""The plugin's city, not the one that the pages are of."""

from motcua.testing.plugin import city as city

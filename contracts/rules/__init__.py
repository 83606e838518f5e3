"""A city's rules: a set of TOML files that is enacted as a whole, under a number.

The folder ``sample`` is the set that the product ships.
"""

from contracts.rules.rule_set import (
    FILES,
    SAMPLE,
    Files,
    RuleSet,
    digest,
    read_files,
    sample_rules,
)
from contracts.rules.toml_text import RulesError, parse_toml

__all__ = [
    "FILES",
    "SAMPLE",
    "Files",
    "RuleSet",
    "RulesError",
    "digest",
    "parse_toml",
    "read_files",
    "sample_rules",
]

"""``motcua rules``: a city's rules are checked, compared, and put in force."""

"""``motcua report`` and ``motcua why``: sla's figures and clocks in the terminal."""

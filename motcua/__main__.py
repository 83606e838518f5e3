"""``python -m motcua`` is ``motcua``."""

from motcua.cli import main

main()

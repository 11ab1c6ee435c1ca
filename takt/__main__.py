"""`python -m takt` is the `takt` command."""

from takt.command import main

main()

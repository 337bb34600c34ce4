"""`python -m kgservice`: the command `kgservice`."""

from __future__ import annotations

from kgservice.cli import main

if __name__ == "__main__":
    main()

"""`python -m kgan`: the `kgan` command."""

import sys

from kgan.cli import main

if __name__ == "__main__":
    sys.exit(main())

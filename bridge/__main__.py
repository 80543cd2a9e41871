"""`python -m bridge` is `postkamer`."""

import sys

from bridge.cli import main

sys.exit(main())

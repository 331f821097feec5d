"""``python -m chatkit_conformance``: the command line."""

import sys

from chatkit_conformance.command import main

sys.exit(main())

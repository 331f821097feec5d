"""Lets the tests import ``benchmarks``, which is run from the repository's root, and is no package
that anyone installs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

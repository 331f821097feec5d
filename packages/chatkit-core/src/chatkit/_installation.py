"""Notices when the public SDK is installed in the same place: both own the folder ``chatkit``."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

RIVAL = "openai-chatkit"
MEND = f"pip uninstall -y {RIVAL} && pip install --force-reinstall --no-deps chatkit-core"


@cache
def warn_of_rival() -> None:
    """Warn, at the first call only, if ``openai-chatkit`` is installed too; say what mends it."""
    try:
        distribution(RIVAL)
    except PackageNotFoundError:
        return
    warnings.warn(
        f"{RIVAL} and chatkit-core are both installed, and each overwrites files of the other in "
        f"the package 'chatkit'. Keep one of them: {MEND}",
        RuntimeWarning,
        stacklevel=2,
    )

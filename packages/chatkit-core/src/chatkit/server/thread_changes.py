"""Whether an integration has changed the thread: a copy to compare it with after each event."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime

from chatkit.types import ActiveStatus, ThreadMetadata

UNCHANGEABLE = (type(None), str, int, float, bool, datetime, ActiveStatus)
"""The types of values that can be replaced, but not changed."""


def copy_to_compare(thread: ThreadMetadata) -> ThreadMetadata:
    """A copy that later changes to the thread do not reach.

    It shares with the thread all that cannot change. So to compare the two is to compare objects
    by identity, save for what can.
    """
    own = {
        name: deepcopy(value)
        for name, value in thread.__dict__.items()
        if type(value) not in UNCHANGEABLE
    }
    return thread.model_copy(update=own)

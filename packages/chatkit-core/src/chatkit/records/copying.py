"""Copies all records of one backend into another."""

from __future__ import annotations

from chatkit.records.seam import Records


async def copy_records(source: Records, target: Records, *, page_size: int = 500) -> int:
    """Copy every record of every owner; pages of the copy are those of the source.

    Records that the target has already are replaced in their places, so a copy that was broken
    off can be started again. Items whose thread was deleted meanwhile are passed over.

    Args:
        source: Where to read; open, and not written to meanwhile if the copy shall be exact.
        target: Where to write; open, and empty if the order shall be exact.
        page_size: How many records to hold in memory at once.

    Returns:
        How many records the target now has from the source.
    """
    copied = 0
    after: str | None = None
    while page := await source.scan(after, page_size):
        for placed in page:
            copied += await target.write(placed.record)
        after = page[-1].position
    return copied

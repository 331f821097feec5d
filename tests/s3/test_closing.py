"""A store that is closed while something of it is still in use."""

from __future__ import annotations

import pytest

from s3.conftest import Bucket
from support.attachment_refusals import ADA, MEBIBYTE


async def test_a_reader_is_told_that_the_store_was_closed(storage: Bucket) -> None:
    store = storage.store()
    attachment = await storage.upload(store, bytes(4 * MEBIBYTE))
    chunks = aiter(store.stream(attachment, ADA))
    assert await anext(chunks)
    await store.aclose()
    with pytest.raises(RuntimeError, match="this store is closed"):
        await anext(chunks)

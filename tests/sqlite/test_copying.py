"""All records of a file, in an order in which they can be written elsewhere."""

from __future__ import annotations

from pathlib import Path

from chatkit.records import RecordStore, copy_records
from chatkit_sqlite.connections import Settings
from chatkit_sqlite.files import File
from chatkit_sqlite.store import SQLiteRecords
from support.record_samples import NOON, attachments_of_every_kind, item, thread


async def test_a_copied_file_has_the_same_pages(tmp_path: Path) -> None:
    source, target = (
        SQLiteRecords(Settings(File(str(tmp_path / name)), 1.0, "full"), 10_000)
        for name in ("source.db", "target.db")
    )
    store: RecordStore[str] = RecordStore(source, owner=str)
    copy: RecordStore[str] = RecordStore(target, owner=str)
    async with store, copy:
        assert await copy_records(source, target) == 0
        for owner in ("a", "b"):
            for id in ("z", "y"):
                await store.save_thread(thread(id), owner)
                for one in ("3", "1", "2"):
                    await store.add_thread_item(id, item(one), owner)
                await store.add_thread_item(id, item("0", NOON.replace(year=2000)), owner)
            await store.save_attachment(attachments_of_every_kind()[0], owner)
        assert await copy_records(source, target, page_size=3) == 22
        for owner in ("a", "b"):
            assert await copy.load_attachment("bare", owner) == attachments_of_every_kind()[0]
            page = await copy.load_threads(9, None, "asc", owner)
            assert [thread.id for thread in page.data] == ["z", "y"]
            for id in ("z", "y"):
                items = await copy.load_thread_items(id, None, 9, "asc", owner)
                assert [item.id for item in items.data] == ["0", "3", "1", "2"]

"""A store for any backend: ``RecordStore`` keeps the store contract, ``Records`` is the little
that a backend has to supply.

seam.py    what a backend supplies: ``Records``, and the words for it (``Record``, ``Collection``)
store.py   ``RecordStore``: the whole contract over any ``Records``
codec.py   records to JSON and back; what could not be read again is refused at the write
calls.py   opening, closing, timeouts, and what an unreachable backend looks like
copying.py all records of one backend into another
"""

from chatkit.records.copying import copy_records
from chatkit.records.seam import Collection, Kind, PlacedRecord, Record, Records
from chatkit.records.store import RecordStore

__all__ = [
    "Collection",
    "Kind",
    "PlacedRecord",
    "Record",
    "RecordStore",
    "Records",
    "copy_records",
]

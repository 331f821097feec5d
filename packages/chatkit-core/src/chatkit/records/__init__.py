"""A store for any backend: ``RecordStore`` keeps the store contract, ``Records`` is the little
that a backend has to supply.

seam.py    what a backend supplies: ``Records``, and the words for it (``Record``, ``Collection``)
store.py   ``RecordStore``: the whole contract over any ``Records``
codec.py   records to JSON and back; what could not be read again is refused at the write
calls.py   opening, closing, timeouts, and what an unreachable backend looks like
by_url.py  the store that a URL stands for

all_owners.py   what a store has, whoever owns it: for copying and administrators
copying.py      everything from one store into another
comparing.py    the proof that it is there; differences.py what is not
concurrently.py many calls, a bounded number at a time
"""

from chatkit.records.all_owners import AllOwners
from chatkit.records.by_url import store_from_url
from chatkit.records.copying import CopyProgress, CopyResult, copy
from chatkit.records.differences import Difference, Fault
from chatkit.records.seam import Collection, Kind, PlacedRecord, Record, Records
from chatkit.records.store import RecordStore

__all__ = [
    "AllOwners",
    "Collection",
    "CopyProgress",
    "CopyResult",
    "Difference",
    "Fault",
    "Kind",
    "PlacedRecord",
    "Record",
    "RecordStore",
    "Records",
    "copy",
    "store_from_url",
]

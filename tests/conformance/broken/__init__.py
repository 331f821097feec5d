"""Broken stores: each is the reference with one realistic fault, and names the case that must
catch it.

faults.py    how a fault names its case
scope.py  threads.py  items.py  pages.py  data.py  together.py    stores
uploads.py   attachment stores
opening.py   how they are opened, here and in other processes
"""

from conformance.broken import data, items, pages, scope, threads, together, uploads
from conformance.broken.faults import FAULTS, UPLOAD_FAULTS, Fault

__all__ = [
    "FAULTS",
    "UPLOAD_FAULTS",
    "Fault",
    "data",
    "items",
    "pages",
    "scope",
    "threads",
    "together",
    "uploads",
]

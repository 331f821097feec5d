"""Attachments in any object storage: ``ObjectAttachmentStore`` keeps the clauses on bytes (AS1 to
AS8), ``Objects`` is the little that a storage has to supply.

seam.py        what a storage supplies: ``Objects``, signed links included
store.py       ``ObjectAttachmentStore``: two-phase uploads, first use, links, deletion, sweeping
uploads.py     what the attachment's private metadata says of its bytes
keys.py        where bytes live; no text of a user's is in a key
limits.py      which sizes and types may be uploaded
signatures.py  whether bytes are what their type says, by how they begin
serving.py     with which headers bytes may be handed out
origins.py     which pages' origins a bucket's rule may name
"""

from chatkit.objects.limits import DEFAULT_MAX_BYTES
from chatkit.objects.seam import Listed, Listing, NoObjectError, Objects
from chatkit.objects.store import DEFAULT_LINK_SECONDS, ObjectAttachmentStore

__all__ = [
    "DEFAULT_LINK_SECONDS",
    "DEFAULT_MAX_BYTES",
    "Listed",
    "Listing",
    "NoObjectError",
    "ObjectAttachmentStore",
    "Objects",
]

"""ChatKit attachments in a local folder: ``FolderAttachmentStore``, with routes of its own.

store.py     the class
objects.py   the folder as an object storage (``chatkit.objects.Objects``)
folder.py    the files: written whole or not at all, never at a path made of a user's text
links.py     what a signed link says, and whether it is one of ours
app.py       the ASGI application that takes uploads and hands files out
ranges.py    which part of a file a download asks for
"""

from chatkit_files.app import FolderApp
from chatkit_files.store import FolderAttachmentStore

__all__ = ["FolderApp", "FolderAttachmentStore"]

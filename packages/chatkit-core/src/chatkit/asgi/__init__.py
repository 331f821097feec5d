"""The HTTP door: one ASGI application around a ``ChatKitServer``.

    endpoint.py    ChatKitEndpoint: which request is answered how, and the lifespan
    uploads.py     UploadEndpoint: direct uploads of attachments (extra "uploads")
    door.py        what both ask first: which pages may call, who is asking
    request.py     Request: what the context function gets to see
    body.py        the request's body, up to a limit or chunk by chunk
    forms.py       the file in a form, while the form comes in
    streams.py     a streaming answer: chunks, keep-alive, disconnects
    cors.py        which pages of other origins may call
    failures.py    which exception becomes which status and which words
    protocol.py    the parts of ASGI used here, as types

It needs no web framework and imports none.
"""

from chatkit.asgi.endpoint import ChatKitEndpoint
from chatkit.asgi.failures import Failure, describe_failure
from chatkit.asgi.request import Request
from chatkit.asgi.uploads import UploadEndpoint

__all__ = ["ChatKitEndpoint", "Failure", "Request", "UploadEndpoint", "describe_failure"]

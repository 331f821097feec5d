"""The file in a form (``multipart/form-data``, RFC 7578), while the form comes in.

It needs python-multipart, which the extra ``chatkit-core[uploads]`` installs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from chatkit.asgi.body import Body
from chatkit.errors import InvalidRequestError

try:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header
except ImportError as error:
    raise ImportError(
        'direct uploads need python-multipart: pip install "chatkit-core[uploads]"'
    ) from error

FIELD = "file"
MOST_BESIDE_THE_FILE = 64 * 1024
"""Of boundaries, headers, other fields, and whatever comes before and after, in bytes."""

LONGEST_BOUNDARY = 200

NO_TYPE = "application/octet-stream"
"""What is taken for the type of a file that comes with none."""


@dataclass(frozen=True)
class FormFile:
    """A file in a form, as the client describes it."""

    name: str
    mime_type: str


class Form:
    """A form on its way in, one field of which is a file.

    Args:
        content_type: The request's.
        body: The request's; no more of it is kept than a chunk.

    Raises:
        InvalidRequestError: ``content_type`` is not that of a form.
    """

    def __init__(self, content_type: str, body: Body) -> None:
        self._parser = _Parser(_boundary(content_type))
        self._body = body

    async def file(self) -> FormFile:
        """The file, as soon as its bytes begin.

        Raises:
            InvalidRequestError: The form has none, or is no form.
        """
        while (found := await self._next()) is not None:
            if isinstance(found, FormFile):
                return found
        raise InvalidRequestError(f"the form has no file in a field {FIELD!r}", field=FIELD)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the file. When they have ended, the form was whole.

        Raises:
            InvalidRequestError: It was not, or there is a second file.
        """
        while (found := await self._next()) is not None:
            if isinstance(found, FormFile):
                raise InvalidRequestError("the form has more than one file", field=FIELD)
            yield found

    async def _next(self) -> FormFile | bytes | None:
        """A file, or some of its bytes; ``None`` at the end of the form."""
        while not self._parser.found:
            chunk = await self._body.next()
            if chunk is not None:
                self._parser.parse(chunk)
            elif self._parser.ended:
                return None
            else:
                raise InvalidRequestError("the form ends before its last boundary")
        return self._parser.found.popleft()


class _Parser:
    """From chunks of a form to its file: python-multipart's parser, with limits."""

    def __init__(self, boundary: bytes) -> None:
        self.found: deque[FormFile | bytes] = deque()
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._in_file = False
        self._file_bytes = self._all_bytes = 0
        self._multipart = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_end": self._end,
            },
        )

    def parse(self, chunk: bytes) -> None:
        try:
            self._multipart.write(chunk)
        except FormParserError as error:
            raise InvalidRequestError(f"the form cannot be read: {error}") from None
        self._all_bytes += len(chunk)
        if self._all_bytes - self._file_bytes > MOST_BESIDE_THE_FILE:
            raise InvalidRequestError(
                f"the form has more than {MOST_BESIDE_THE_FILE} bytes beside the file"
            )

    def _begin_part(self) -> None:
        self._headers = {}
        self._in_file = False

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, parameters = parse_options_header(self._headers.get(b"content-disposition"))
        if parameters.get(b"name") == FIELD.encode() and parameters.get(b"filename"):
            self._in_file = True
            self.found.append(
                FormFile(
                    name=_text(parameters[b"filename"]),
                    mime_type=_text(self._headers.get(b"content-type", b"")) or NO_TYPE,
                )
            )

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._file_bytes += end - start
            self.found.append(data[start:end])

    def _end(self) -> None:
        self.ended = True


def _boundary(content_type: str) -> bytes:
    kind, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= LONGEST_BOUNDARY:
        raise InvalidRequestError(
            f"the body must be multipart/form-data with a boundary, got {content_type[:200]!r}",
            field="content-type",
        )
    return boundary


def _text(raw: bytes) -> str:
    """Text as browsers send it, in UTF-8; what is not in UTF-8 is not lost either."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")

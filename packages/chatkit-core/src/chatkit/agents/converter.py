"""``ResponseStreamConverter``: how images, their progress and citations are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from openai.types.responses.response_output_text import (
    AnnotationContainerFileCitation,
    AnnotationFileCitation,
    AnnotationURLCitation,
)
from pydantic import BaseModel

from chatkit.logger import logger
from chatkit.types import Annotation, FileSource, URLSource


class ResponseStreamConverter:
    """Override what the client is to see differently; pass it to ``stream_agent_response``.

    Args:
        partial_images: How many preliminary images the image tool was asked for; without it, no
            progress is shown.
    """

    partial_images: int | None = None

    def __init__(self, *, partial_images: int | None = None) -> None:
        self.partial_images = partial_images

    async def base64_image_to_url(
        self, image_id: str, base64_image: str, partial_image_index: int | None = None
    ) -> str:
        """Where the client finds an image. Default: the image itself, as a data URL.

        Args:
            image_id: The id of the model's call.
            base64_image: The image, PNG unless the tool was told otherwise.
            partial_image_index: Counts preliminary images from 0; ``None`` for the final one.
        """
        return f"data:image/png;base64,{base64_image}"

    def partial_image_index_to_progress(self, partial_image_index: int) -> float:
        """How far an image is, from 0 to 1, when this preliminary one has come."""
        if not self.partial_images:
            return 0.0
        return min(1.0, partial_image_index / self.partial_images)

    async def file_citation_to_annotation(
        self, file_citation: AnnotationFileCitation
    ) -> Annotation | None:
        """A citation of a searched file; ``None`` leaves it out, as does a missing name."""
        return _file_annotation(file_citation.filename, file_citation.index)

    async def container_file_citation_to_annotation(
        self, container_file_citation: AnnotationContainerFileCitation
    ) -> Annotation | None:
        """A citation of a code interpreter's file; ``None`` leaves it out, as does a missing name.

        The default puts it where the passage ends.
        """
        return _file_annotation(container_file_citation.filename, container_file_citation.end_index)

    async def url_citation_to_annotation(
        self, url_citation: AnnotationURLCitation
    ) -> Annotation | None:
        """A citation of a web page; ``None`` leaves it out. The default puts it at the end."""
        source = URLSource(url=url_citation.url, title=url_citation.title)
        return Annotation(source=source, index=url_citation.end_index)


def _file_annotation(filename: str, index: int) -> Annotation | None:
    if not filename:
        return None
    return Annotation(source=FileSource(filename=filename, title=filename), index=index)


Reader: TypeAlias = Callable[[ResponseStreamConverter, Mapping[str, Any]], Awaitable[Any]]

READERS: dict[str, Reader] = {
    "file_citation": lambda converter, fields: converter.file_citation_to_annotation(
        AnnotationFileCitation.model_validate(fields)
    ),
    "container_file_citation": lambda converter, fields: (
        converter.container_file_citation_to_annotation(
            AnnotationContainerFileCitation.model_validate(fields)
        )
    ),
    "url_citation": lambda converter, fields: converter.url_citation_to_annotation(
        AnnotationURLCitation.model_validate(fields)
    ),
}


async def read_citation(converter: ResponseStreamConverter, citation: object) -> Annotation | None:
    """The annotation for a citation of whatever class; ``None`` if it is not to be shown.

    One that cannot be read is logged: it is not worth the answer that it belongs to.
    """
    try:
        fields = _fields(citation)
        reader = READERS.get(str(fields.get("type")))
        return None if reader is None else await reader(converter, fields)
    except Exception:
        logger.warning("a citation could not be read: %r", citation, exc_info=True)
        return None


def _fields(citation: object) -> Mapping[str, Any]:
    if isinstance(citation, Mapping):
        return cast("Mapping[str, Any]", citation)
    if isinstance(citation, BaseModel):
        return citation.model_dump()
    return {} if citation is None else vars(citation)

"""Tasks and workflows: what an assistant shows of the work behind an answer."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model
from chatkit.icons import IconName
from chatkit.types.sources import FileSource, URLSource


class BaseTask(Model):
    """What all tasks have in common: whether the client shows them as under way."""

    status_indicator: Literal["none", "loading", "complete"] = "none"


class CustomTask(BaseTask):
    """A task of the integration's own kind."""

    type: Literal["custom"] = "custom"
    title: str | None = None
    icon: IconName | None = None
    content: str | None = None


class SearchTask(BaseTask):
    """A web search, its queries and what they found."""

    type: Literal["web_search"] = "web_search"
    title: str | None = None
    title_query: str | None = None
    queries: list[str] = Field(default_factory=list)
    sources: list[URLSource] = Field(default_factory=list[URLSource])


class ThoughtTask(BaseTask):
    """A step of a model's reasoning."""

    type: Literal["thought"] = "thought"
    title: str | None = None
    content: str


class FileTask(BaseTask):
    """Files that were read."""

    type: Literal["file"] = "file"
    title: str | None = None
    sources: list[FileSource] = Field(default_factory=list[FileSource])


class ImageTask(BaseTask):
    """An image that is being made or looked at."""

    type: Literal["image"] = "image"
    title: str | None = None


Task: TypeAlias = Annotated[
    CustomTask | SearchTask | ThoughtTask | FileTask | ImageTask, Field(discriminator="type")
]


class CustomSummary(Model):
    """A finished workflow's heading in the integration's own words."""

    title: str
    icon: IconName | None = None


class DurationSummary(Model):
    """A finished workflow's heading that says how long it took, in seconds."""

    duration: int


WorkflowSummary: TypeAlias = CustomSummary | DurationSummary


class Workflow(Model):
    """A list of tasks under one heading; ``reasoning`` for a model's thoughts."""

    type: Literal["custom", "reasoning"]
    tasks: list[Task]
    summary: WorkflowSummary | None = None
    expanded: bool = False

"""Structured input: questions that the assistant asks, and the user's answers."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model


class StructuredInputAnswer(Model):
    """The answer to one question, as it is kept."""

    values: list[str] = Field(default_factory=list)
    skipped: bool = False


class StructuredInputBase(Model):
    """What all questions have in common."""

    id: str
    question: str
    answer: StructuredInputAnswer | None = None


class StructuredInputMultipleChoiceOption(Model):
    """One of the answers to choose from."""

    value: str


class StructuredInputMultipleChoice(StructuredInputBase):
    """A question with given answers; ``multiple`` says whether several may be chosen."""

    type: Literal["multiple_choice"] = "multiple_choice"
    options: list[StructuredInputMultipleChoiceOption]
    multiple: bool = False


class StructuredInputFreeform(StructuredInputBase):
    """A question that is answered in the user's own words."""

    type: Literal["freeform"] = "freeform"
    description: str | None = None


StructuredInput: TypeAlias = Annotated[
    StructuredInputMultipleChoice | StructuredInputFreeform, Field(discriminator="type")
]


class StructuredInputAnswerSubmission(Model):
    """The answer to one question, as the client sends it."""

    values: list[str] = Field(default_factory=list)
    skipped: bool = False


class StructuredInputSubmission(Model):
    """All that the client sends: answers by the questions' ids."""

    answers: dict[str, StructuredInputAnswerSubmission] = Field(default_factory=dict)
    status: Literal["answered", "skipped"] = "answered"

"""What a user's answers make of a form's questions."""

from __future__ import annotations

from chatkit.logger import logger
from chatkit.types import (
    StructuredInput,
    StructuredInputAnswer,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputSubmission,
)


def answered(item: StructuredInputItem, given: StructuredInputSubmission) -> StructuredInputItem:
    """A copy of the form with the answers in it; answers to unknown questions are ignored."""
    unknown = set(given.answers) - {question.id for question in item.inputs}
    if unknown:
        logger.warning("answers to unknown questions of form %r: %s", item.id, sorted(unknown))
    answers = [_with_answer(question, given) for question in item.inputs]
    return item.model_copy(update={"inputs": answers, "status": given.status}, deep=True)


def _with_answer(question: StructuredInput, given: StructuredInputSubmission) -> StructuredInput:
    submitted = given.answers.get(question.id)
    if given.status == "skipped" or submitted is None or submitted.skipped or not submitted.values:
        answer = StructuredInputAnswer(skipped=True)
    elif isinstance(question, StructuredInputMultipleChoice) and not question.multiple:
        answer = StructuredInputAnswer(values=submitted.values[:1])
    else:
        answer = StructuredInputAnswer(values=list(submitted.values))
    return question.model_copy(update={"answer": answer})

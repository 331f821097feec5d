"""The cases, one module for each family of clauses. Importing this registers them all."""

from chatkit_conformance.cases import (
    attachments,
    concurrency,
    data,
    downloads,
    durability,
    items,
    lifecycle,
    order,
    pages,
    random_calls,
    scope,
    threads,
    uploads,
)
from chatkit_conformance.registry import Case, attachment_cases, store_cases

MODULES = (
    attachments,
    concurrency,
    data,
    downloads,
    durability,
    items,
    lifecycle,
    order,
    pages,
    random_calls,
    scope,
    threads,
    uploads,
)
"""All of them; a case that is in none of them is not registered."""

STORE_CASES = store_cases()
ATTACHMENT_CASES = attachment_cases()

__all__ = ["ATTACHMENT_CASES", "MODULES", "STORE_CASES", "Case"]

"""What a store can do, as its author declares it, and what a run is given to work with.

A case names the capabilities that it needs. It is required of every store that declares them;
of the others, its outcome is *unsupported*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias


class Capability(str, Enum):
    """What a case may need; the value is what reports call it."""

    SEVERAL_OWNERS = "several owners"
    REPEATED_IDS = "repeated ids"
    DURABLE = "durable across reopening"
    ATTACHMENTS = "attachments' metadata"
    TWO_PHASE_UPLOAD = "two-phase upload"
    OPTIONAL_METHODS = "the optional methods"
    HOUSE_RULES = "house rules"
    RECORD_LIMIT = "a limit on records"
    UPLOAD_LIMIT = "a limit on uploads"
    REFUSED_TYPE = "a type that is refused"
    LINK_LIFETIME = "links that soon expire"
    PROCESSES = "several processes"
    OUTAGES = "outages"


Outage: TypeAlias = Callable[[], AbstractAsyncContextManager[Any] | AbstractContextManager[Any]]
"""Makes a context manager that takes the backend away and, at its end, brings it back."""


@dataclass(frozen=True)
class Target:
    """A factory of stores that another process can import.

    Args:
        path: Where it is, as ``"package.module:open_store"``. A function ``make_context`` beside
            it, if there is one, makes the contexts there.
        arguments: Its keyword arguments; they travel as JSON.
    """

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Capabilities:
    """What a store is said to be capable of.

    Args:
        several_owners: Contexts stand for owners that do not see each other's records.
        repeated_ids: Two owners may use the same id, and two threads the same item id.
        durable: A new store over the same backend reads what another one has written.
        attachments: The store keeps attachments' metadata.
        two_phase_upload: The attachment store announces uploads (``create_attachment``).
        optional_methods: ``update_thread`` is the store's own, and atomic.
        house_rules: The store also keeps the clauses marked *[own]*, as the stores of this
            project do.
        max_record_bytes: The size above which the store refuses a record, if there is one.
        max_upload_bytes: The size above which the attachment store refuses an upload.
        refused_mime_type: A type that the attachment store refuses, if there is one.
        link_seconds: How long its links work, if that is short enough to wait for.
        call_timeout: Seconds within which a call to an unreachable backend gives up.
    """

    several_owners: bool = True
    repeated_ids: bool = True
    durable: bool = True
    attachments: bool = True
    two_phase_upload: bool = True
    optional_methods: bool = True
    house_rules: bool = False
    max_record_bytes: int | None = None
    max_upload_bytes: int | None = None
    refused_mime_type: str | None = None
    link_seconds: float | None = None
    call_timeout: float = 10.0

    def declared(self) -> frozenset[Capability]:
        """Those of them that the store is said to have."""
        flags = {
            Capability.SEVERAL_OWNERS: self.several_owners,
            Capability.REPEATED_IDS: self.repeated_ids,
            Capability.DURABLE: self.durable,
            Capability.ATTACHMENTS: self.attachments,
            Capability.TWO_PHASE_UPLOAD: self.two_phase_upload,
            Capability.OPTIONAL_METHODS: self.optional_methods,
            Capability.HOUSE_RULES: self.house_rules,
            Capability.RECORD_LIMIT: self.max_record_bytes is not None,
            Capability.UPLOAD_LIMIT: self.max_upload_bytes is not None,
            Capability.REFUSED_TYPE: self.refused_mime_type is not None,
            Capability.LINK_LIFETIME: self.link_seconds is not None,
        }
        return frozenset(capability for capability, has in flags.items() if has)

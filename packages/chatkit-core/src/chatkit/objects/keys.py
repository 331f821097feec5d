"""Where bytes live. A key has no text of a user's in it, and belongs to one owner.

<prefix>pending/<object name>    where upload links write
<prefix>kept/<object name>       what messages use; no link writes here
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

_PREFIX = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*/)*")
LONGEST_PREFIX = 400


def object_name(owner: str, attachment_id: str) -> str:
    """The name of an attachment's objects: 64 hexadecimal digits, others for each owner.

    A digest, so that ids and owners may be any text, of any length.
    """
    text = f"chatkit attachment {len(owner)}:{owner}{attachment_id}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Keys:
    """The keys of one store.

    Args:
        prefix: What all of them begin with: nothing, or names that each end in a slash.

    Raises:
        ValueError: ``prefix`` is no such thing.
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix) or len(self.prefix) > LONGEST_PREFIX:
            raise ValueError(
                "prefix= must be empty or names of letters, digits and ._- that each end in a "
                f"slash, such as 'attachments/', at most {LONGEST_PREFIX} characters; "
                f"got {self.prefix!r}"
            )

    @property
    def all_pending(self) -> str:
        """What the keys of everything that has not been used begin with."""
        return f"{self.prefix}pending/"

    def pending(self, name: str) -> str:
        """Where the attachment's upload link writes."""
        return f"{self.all_pending}{name}"

    def kept(self, name: str) -> str:
        """Where the attachment's bytes are from its first use on."""
        return f"{self.prefix}kept/{name}"

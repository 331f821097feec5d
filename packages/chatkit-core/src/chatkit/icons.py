"""The names of the icons that the ChatKit web client can draw."""

from typing import Annotated, Literal, TypeAlias

from pydantic import StringConstraints

VendorIconName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^vendor:")]
"""An icon that the page around the chat supplies, such as ``vendor:logo``."""

LucideIconName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^lucide:")]
"""An icon of the Lucide collection, such as ``lucide:arrow-up``."""

_BuiltInIconName: TypeAlias = Literal[
    "agent",
    "analytics",
    "atom",
    "batch",
    "bolt",
    "book-open",
    "book-closed",
    "book-clock",
    "bug",
    "calendar",
    "chart",
    "check",
    "check-circle",
    "check-circle-filled",
    "chevron-left",
    "chevron-right",
    "circle-question",
    "clock",
    "compass",
    "confetti",
    "cube",
    "desktop",
    "document",
    "dot",
    "dots-horizontal",
    "dots-vertical",
    "empty-circle",
    "external-link",
    "globe",
    "keys",
    "lab",
    "images",
    "info",
    "lifesaver",
    "lightbulb",
    "mail",
    "map-pin",
    "maps",
    "mobile",
    "name",
    "notebook",
    "notebook-pencil",
    "page-blank",
    "phone",
    "play",
    "plus",
    "profile",
    "profile-card",
    "reload",
    "star",
    "star-filled",
    "search",
    "sparkle",
    "sparkle-double",
    "square-code",
    "square-image",
    "square-text",
    "suitcase",
    "settings-slider",
    "user",
    "wreath",
    "write",
    "write-alt",
    "write-alt2",
]

IconName: TypeAlias = _BuiltInIconName | VendorIconName | LucideIconName
"""An icon: one of the client's own, ``vendor:…`` or ``lucide:…``."""

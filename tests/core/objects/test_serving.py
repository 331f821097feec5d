"""With which headers bytes are handed out, whatever their type and name."""

from __future__ import annotations

import re

import pytest

from chatkit.objects.serving import INLINE, serving


@pytest.mark.parametrize(
    "mime_type",
    [
        "text/html",
        "Text/HTML; charset=utf-8",
        "application/xhtml+xml",
        "application/xml",
        "text/javascript",
        "application/x-shockwave-flash",
        # Browsers take whatever ends in +xml for a document, which may have scripts.
        "audio/x+xml",
        "video/mp4+XML",
    ],
)
def test_a_type_that_browsers_run_is_not_told(mime_type: str) -> None:
    assert serving(mime_type, "a", inline=True).content_type == "application/octet-stream"
    assert serving(mime_type, "a", inline=True).disposition.startswith("attachment; ")


@pytest.mark.parametrize("mime_type", sorted(INLINE))
def test_only_pictures_of_dots_are_shown_in_place_and_only_where_asked(mime_type: str) -> None:
    assert serving(mime_type, "a", inline=True).disposition.startswith("inline; ")
    assert serving(mime_type, "a", inline=False).disposition.startswith("attachment; ")
    assert serving("image/svg+xml", "a", inline=True).disposition.startswith("attachment; ")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        " .. ",
        "\r\n\r\n",
        "\ud800",
        "\x00" * 5000,
        '"' * 500,
        "a/" * 2048,
        "😀" * 4096,
        "a." + "b" * 4096,
    ],
)
def test_any_name_is_a_header_of_modest_length(name: str) -> None:
    disposition = serving("text/plain", name, inline=False).disposition
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9 ._()+-]+\"; filename\*=UTF-8''[A-Za-z0-9%._~-]+",
        disposition,
    )
    assert len(disposition) < 1500

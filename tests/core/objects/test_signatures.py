"""What bytes begin with, and what they may then be."""

from __future__ import annotations

import pytest

from chatkit.objects.signatures import HEAD_BYTES, SIGNATURES, fits

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ZIP = b"PK\x03\x04"
ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what Office makes of a document with a password


@pytest.mark.parametrize("mime_type", sorted(SIGNATURES))
def test_a_page_and_a_program_are_of_none_of_these_types(mime_type: str) -> None:
    for head in (
        b"<!doctype html><script>",
        b"\x7fELF\x02\x01\x01",
        b"MZ\x90\x00",
        b"#!/bin/sh\n",
        b"",
    ):
        assert not fits(mime_type, head)


@pytest.mark.parametrize(
    ("mime_type", "head"),
    [
        (WORD, ZIP),
        (WORD, ENCRYPTED),
        ("IMAGE/JPEG; q=1", b"\xff\xd8\xff\xe0"),
        ("image/svg+xml", b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg>'),
        ("image/webp", b"RIFF\x10\x00\x00\x00WEBPVP8 "),
        ("video/mp4", b"\x00\x00\x00\x18ftypmp42"),
        ("text/html", b"<!doctype html>"),
        ("application/x-unheard-of", b"<"),
    ],
)
def test_a_file_that_begins_as_files_of_its_type_do_fits(mime_type: str, head: bytes) -> None:
    assert fits(mime_type, head + bytes(HEAD_BYTES - len(head)))


@pytest.mark.parametrize("mime_type", ["image/x-new", "audio/x-new", "video/x-new", "font/woff2"])
def test_markup_is_nothing_to_be_seen_or_heard(mime_type: str) -> None:
    assert not fits(mime_type, b"\xef\xbb\xbf \r\n<html>")
    assert fits(mime_type, b"\x01\x02")

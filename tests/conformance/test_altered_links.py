"""Links that are altered to see them refused are really other links."""

from __future__ import annotations

import pytest

from chatkit_conformance.cases.uploads import altered


@pytest.mark.parametrize("digit", "0123456789abcdefABCDEF")
def test_an_altered_signature_is_another_one_also_where_case_does_not_matter(digit: str) -> None:
    link = f"https://example.com/file?signature={digit * 20}"
    assert link.lower() not in [other.lower() for other in altered(link)]

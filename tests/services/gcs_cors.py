"""What a bucket's CORS rules let pages of other origins do, as Google Cloud Storage answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rules = list[dict[str, Any]]


def cors_headers(rules: Rules, method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers for an answer; none if no rule lets the page of that origin do it."""
    origin = headers.get("origin", "")
    for rule in rules:
        if {origin, "*"} & set(rule["origin"]) and method in rule["method"]:
            return {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": ", ".join(rule.get("responseHeader", [])),
                "Vary": "Origin",
            }
    return {}


def preflight_headers(rules: Rules, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers for the answer to a preflight; none if the request itself must not be sent."""
    method = headers.get("access-control-request-method", "")
    asked = {
        name.strip().lower()
        for name in headers.get("access-control-request-headers", "").split(",")
        if name.strip()
    }
    for rule in rules:
        allowed = {name.lower() for name in rule.get("responseHeader", [])}
        answer = cors_headers([rule], method, headers)
        if answer and asked <= allowed:
            return {
                **answer,
                "Access-Control-Allow-Methods": ", ".join(rule["method"]),
                "Access-Control-Allow-Headers": ", ".join(sorted(asked)),
                "Access-Control-Max-Age": str(rule.get("maxAgeSeconds", 0)),
            }
    return {}

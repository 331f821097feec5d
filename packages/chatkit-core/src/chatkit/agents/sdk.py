"""What the bridge needs of the Agents SDK and the SDK has no public name for; all of it is here.

Each name may be missing: then requests carry the SDK's own user agent, and a stopped run's tasks
end by themselves a moment later.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, TypeAlias

from agents import RunResultStreaming
from agents.models import chatcmpl_helpers, openai_responses
from agents.models.fake_id import FAKE_RESPONSES_ID as FAKE_ID
from agents.version import __version__ as sdk_version

from chatkit.server.scopes import Scope, register_scope
from chatkit.version import __version__

__all__ = ["FAKE_ID", "USER_AGENT", "name_both_packages", "reader_ends_itself", "tasks_of"]

Headers: TypeAlias = dict[str, str] | None

USER_AGENT = f"Agents/Python {sdk_version} chatkit-core/{__version__}"

HEADER_VARIABLES = (
    (chatcmpl_helpers, "HEADERS_OVERRIDE"),
    (openai_responses, "_HEADERS_OVERRIDE"),
)
"""Where the SDK's models look for headers."""

TASK_NAMES = ("run_loop_task", "_input_guardrails_task", "_output_guardrails_task")
"""Where a run keeps its tasks; only the first one is public."""


def name_both_packages() -> None:
    """Have requests of the SDK's models during a turn name this package too."""
    for module, name in HEADER_VARIABLES:
        variable: ContextVar[Headers] | None = getattr(module, name, None)
        if variable is not None:
            register_scope(Scope(variable, _with_user_agent))


def _with_user_agent(headers: Headers) -> Headers:
    """The headers as they are, and ours unless the integration has one of its own."""
    return {"User-Agent": USER_AGENT, **(headers or {})}


def tasks_of(run: RunResultStreaming) -> set[asyncio.Task[Any]]:
    """The tasks in which a run does its work, as far as they can be told."""
    found = (getattr(run, name, None) for name in TASK_NAMES)
    return {task for task in found if isinstance(task, asyncio.Task)}


def reader_ends_itself(run: RunResultStreaming) -> bool:
    """Whether ``cancel`` wakes who waits for the run's next event: not so with stand-ins."""
    return hasattr(run, "run_loop_task")

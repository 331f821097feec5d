"""A chat whose turns are runs of the Agents SDK's own runner, and short words for what it sends.

``AgentChat``   one user and one thread, from message to message
``Reader``      reads a turn in the background, and says what it has heard
``outline``     events, a few words each
``Tasks``       the asyncio tasks that were started and not ended
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import Agent, RunConfig, Runner, RunResultStreaming

from chatkit.agents import (
    AgentContext,
    ResponseStreamConverter,
    ThreadItemConverter,
    stream_agent_response,
)
from chatkit.server import StreamingResult
from chatkit.store import Store
from chatkit.types import ThreadItem, ThreadMetadata, ThreadStreamEvent, UserMessageItem
from support.chat import CONTEXT, Chat, Json, decode, now, says
from support.memory_store import MemoryStore

QUIET = RunConfig(tracing_disabled=True)


class AgentChat(Chat):
    """Each turn runs ``agent`` on the whole thread; ``runs`` holds their results."""

    def __init__(
        self,
        agent: Agent[Any],
        *,
        store: Store[Any] | None = None,
        converter: ResponseStreamConverter | None = None,
        to_input: ThreadItemConverter | None = None,
        new_context: Callable[..., AgentContext[Any]] = AgentContext[Any],
    ) -> None:
        super().__init__(store=store)
        self.agent = agent
        self.converter = converter
        self.to_input = ThreadItemConverter() if to_input is None else to_input
        self.new_context = new_context
        self.runs: list[RunResultStreaming] = []
        self.thread_id = ""

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> AsyncIterator[ThreadStreamEvent]:
        self.thread_id = thread.id
        own = self.new_context(thread=thread, store=self.store, request_context=context)
        options = {} if self.converter is None else {"converter": self.converter}
        async for event in stream_agent_response(own, await self.run(own), **options):
            yield event

    async def run(self, context: AgentContext[Any]) -> RunResultStreaming:
        """Start a run on all that the thread holds."""
        thread_id, asking = context.thread.id, context.request_context
        page = await self.store.load_thread_items(thread_id, None, 100, "asc", asking)
        model_input = await self.to_input.to_agent_input(page.data)
        self.runs.append(
            Runner.run_streamed(self.agent, model_input, context=context, run_config=QUIET)
        )
        return self.runs[-1]

    # --- the user's side ------------------------------------------------------------------------

    async def saying(self, text: str = "go") -> StreamingResult:
        """Write a message; the stream starts with the turn's first event when it is read."""
        if not self.thread_id:
            self.thread_id = (await self.new_thread()).id
        return await self.stream(
            "threads.add_user_message", thread_id=self.thread_id, input=says(text)
        )

    async def say(self, text: str = "go") -> list[Json]:
        """Write a message, and read all that the turn answers."""
        return [event async for event in turn_events(await self.saying(text))]

    async def hand_in(self, result: Json) -> list[Json]:
        """Give the result of a client tool, and read all that the next turn answers."""
        request = {"thread_id": self.thread_id, "result": result}
        stream = await self.stream("threads.add_client_tool_output", **request)
        return [event async for event in turn_events(stream)]

    async def items(self) -> list[ThreadItem]:
        """All that the thread holds after the user's first message."""
        return (await self.stored(self.thread_id))[1:]


async def turn_events(stream: StreamingResult) -> AsyncIterator[Json]:
    """What the integration itself sent."""
    opened = False
    async for chunk in stream:
        event = decode(chunk)
        if opened:
            yield event
        opened = opened or event["type"] == "stream_options"


class Reader:
    """Reads a turn in a task of its own."""

    def __init__(self, stream: StreamingResult) -> None:
        self.told: list[str] = []
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read(stream))

    async def hears(self, word: str) -> None:
        """Wait until an event has come whose outline is ``word``."""
        while word not in self.told:
            assert not self.task.done(), self.told
            self._news.clear()
            await self._news.wait()

    async def stops(self) -> None:
        """Cancel the reader, as a server does when its client goes away."""
        self.task.cancel()
        await asyncio.wait({self.task})

    async def _read(self, stream: StreamingResult) -> None:
        try:
            async for event in turn_events(stream):
                self.told += outline([event])
                self._news.set()
        finally:
            self._news.set()


def new_context(store: Store[Any] | None = None) -> AgentContext[Any]:
    """A context outside of any turn."""
    thread = ThreadMetadata(id="thread", created_at=now())
    return AgentContext[Any](
        thread=thread, store=MemoryStore() if store is None else store, request_context=CONTEXT
    )


def outline(events: list[Json]) -> list[str]:
    """Events in a few words: ``+`` an item begins, ``=`` it is done, and what it gets between."""
    return [_OUTLINES.get(event["type"], _of_other)(event) for event in events]


def _of_item(event: Json) -> str:
    mark = {"added": "+", "done": "=", "replaced": "!"}[event["type"].rpartition(".")[2]]
    return f"{mark}{event['item']['type']}"


def _of_update(event: Json) -> str:
    update = event["update"]
    kind = update["type"]
    if kind == "assistant_message.content_part.text_delta":
        return f"'{update['delta']}'"
    if kind.startswith("workflow.task"):
        task = update["task"]
        words = task.get("content") or task.get("title")
        return f"task {update['task_index']} {kind.rpartition('.')[2]}: {words}"
    return str(kind.removeprefix("assistant_message.").replace("_", " "))


def _of_other(event: Json) -> str:
    words = event.get("text") or event.get("message") or event.get("code") or ""
    return f"{event['type'].removeprefix('thread.')} {words}".strip()


_OUTLINES: dict[str, Callable[[Json], str]] = {
    "thread.item.added": _of_item,
    "thread.item.done": _of_item,
    "thread.item.replaced": _of_item,
    "thread.item.updated": _of_update,
}


MESSAGE = "+assistant_message", "content part.added"
MESSAGE_END = "content part.done", "=assistant_message"


class Tasks:
    """The asyncio tasks started since ``Tasks()``."""

    SETTLING_S = 5.0
    """How long the scripted model may take to notice that it was left."""

    def __init__(self) -> None:
        self._before = asyncio.all_tasks()

    async def left(self) -> list[str]:
        """Those that will not end by themselves."""
        started = asyncio.all_tasks() - self._before - {asyncio.current_task()}
        if not started:
            return []
        _, pending = await asyncio.wait(started, timeout=self.SETTLING_S)
        return [str(task.get_coro()) for task in pending]

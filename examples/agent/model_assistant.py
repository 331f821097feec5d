"""An assistant that answers with a model: an agent with tools, as a ``ChatKitServer``.

`make demo` runs it when OPENAI_API_KEY is set. This is the file to copy from: the agent and its
tools come first, the server that runs it is at the end.

MODEL   which model answers (the Agents SDK's default)
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import TypeAlias

from agents import (
    Agent,
    RunConfig,
    RunContextWrapper,
    Runner,
    StopAtTools,
    function_tool,
)
from typing_extensions import override

from chatkit.agents import (
    AgentContext,
    AttachmentReadingConverter,
    ClientToolCall,
    stream_agent_response,
)
from chatkit.server import ChatKitServer
from chatkit.store import AttachmentStore, Store
from chatkit.types import (
    CustomTask,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from chatkit.widgets import WidgetTemplate

Context: TypeAlias = AgentContext[None]
Tool: TypeAlias = RunContextWrapper[Context]

HISTORY = 50  # how many items of the thread the model gets to read
TITLE_LENGTH = 48

INSTRUCTIONS = """
You are the assistant of a small demo of ChatKit. Be brief and friendly; write Markdown.
Use `roll_dice` for dice, `show_card` when a few facts are easier to take in as a card, and
`get_local_time` when you need to know the user's time.
""".strip()

CARD = WidgetTemplate(
    {
        "version": "1.0",
        "name": "facts",
        "template": """{
            "type": "Card",
            "size": "md",
            "children": [
                {"type": "Title", "size": "sm", "value": {{ title | tojson }}},
                {"type": "Divider"}
                {%- for fact in facts %},
                {"type": "Text", "key": {{ loop.index | string | tojson }},
                 "value": {{ fact | tojson }}}
                {%- endfor %}
            ]
        }""",
    }
)


@function_tool
async def roll_dice(context: Tool, count: int, sides: int) -> str:
    """Roll dice, and tell the user what came up.

    Args:
        count: How many dice, at most 20.
        sides: How many sides each of them has.
    """
    if not (1 <= count <= 20 and 2 <= sides <= 1000):
        return "That cannot be rolled: 1 to 20 dice of 2 to 1000 sides."
    rolls = [1 + int.from_bytes(os.urandom(4), "big") % sides for _ in range(count)]
    told = ", ".join(str(roll) for roll in rolls)
    task = CustomTask(title=f"Rolled {count}d{sides}", content=told, icon="sparkle")
    await context.context.add_workflow_task(task)
    return f"{told} (together {sum(rolls)})"


@function_tool
async def show_card(context: Tool, title: str, facts: list[str]) -> str:
    """Show the user a card.

    Args:
        title: The card's heading.
        facts: One short line each.
    """
    card = CARD.build({"title": title, "facts": facts})
    await context.context.stream_widget(card, copy_text="\n".join([title, *facts]))
    return "The user sees the card."


@function_tool
async def get_local_time(context: Tool) -> str:
    """Ask the user's browser for its time and time zone."""
    context.context.client_tool_call = ClientToolCall(name="get_local_time", arguments={})
    return "The browser has been asked."


def new_agent() -> Agent[Context]:
    """The agent; a client tool ends its run, and the result starts the next one."""
    return Agent(
        name="Assistant",
        instructions=INSTRUCTIONS,
        model=os.environ.get("MODEL") or None,
        tools=[roll_dice, show_card, get_local_time],
        tool_use_behavior=StopAtTools(stop_at_tool_names=["get_local_time"]),
    )


class ModelAssistant(ChatKitServer[None]):
    """Answers with a run of the agent.

    Args:
        store: Where conversations are kept.
        files: Where attached files are kept; without it, attachments are off.
    """

    def __init__(self, store: Store[None], files: AttachmentStore[None] | None = None) -> None:
        super().__init__(store, files)
        self._agent = new_agent()

    @override
    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Answer a message, or go on after a client tool's result."""
        if input_user_message is not None:
            thread.title = thread.title or title_of(input_user_message)
        page = await self.store.load_thread_items(thread.id, None, HISTORY, "desc", context)
        converter = AttachmentReadingConverter(self.attachment_store, context)
        own = AgentContext[None](thread=thread, store=self.store, request_context=context)
        run = Runner.run_streamed(
            self._agent,
            await converter.to_agent_input(page.data[::-1]),
            context=own,
            run_config=RunConfig(
                tracing_disabled=True
            ),  # what is said stays out of OpenAI's traces
        )
        async for event in stream_agent_response(own, run):
            yield event


def title_of(message: UserMessageItem) -> str:
    """The first line of a message, short enough for a list."""
    words = " ".join(part.text for part in message.content)
    words = words.strip() or ", ".join(attachment.name for attachment in message.attachments)
    line = words.partition("\n")[0].strip() or "New chat"
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"

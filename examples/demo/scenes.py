"""The script: one scene for each command that a user can type.

``SCENES`` at the end is the table of them all; ``help`` shows it.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from cards import commands_card, lock_card, order_form, report_card, tasks_card
from chatkit.errors import CustomStreamError
from chatkit.store import walk_items
from chatkit.types import (
    Annotation,
    AssistantMessageItem,
    ClientToolCallItem,
    CustomSummary,
    CustomTask,
    FileSource,
    GeneratedImage,
    GeneratedImageItem,
    GeneratedImageUpdated,
    HiddenContextItem,
    LockedStatus,
    ProgressUpdateEvent,
    StructuredInputFreeform,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    URLSource,
    Workflow,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from chatkit.widgets import DynamicWidgetRoot
from turn import Turn, now, words_of

Play: TypeAlias = Callable[[Turn], AsyncIterator[ThreadStreamEvent]]
"""From the turn to the events of the reply."""


@dataclass(frozen=True)
class Scene:
    """A command: what it shows, and how."""

    about: str
    play: Play


def pick_scene(turn: Turn) -> Play:
    """The scene of attached files, if there are any; the one that the first word names; an echo."""
    if turn.attachments:
        return look_at_files
    first = (turn.words.split() or [""])[0].strip(".,:;!?\"'").lower()
    return SCENES[first].play if first in SCENES else echo


async def echo(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Answer what the script does not know."""
    quote = "\n".join(f"> {line}" for line in turn.words[:500].splitlines())
    text = (
        f"You said:\n\n{quote}\n\n"
        "I am a small script, not a model, so that is all I can make of it. "
        "But I can show you everything this chat can do: type **help**."
    )
    async for event in turn.say(text):
        yield event


async def look_at_files(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Read what the user has attached, and say what was found."""
    lines: list[str] = []
    for attachment in turn.attachments:
        yield ProgressUpdateEvent(icon="document", text=f"Reading {attachment.name[:60]}")
        size = 0
        async for chunk in turn.files.stream(attachment, None):
            size += len(chunk)
        lines.append(
            f"- {as_code(attachment.name[:200])}: {size:,} bytes of {as_code(attachment.mime_type)}"
        )
    text = (
        "I have read what you sent:\n\n" + "\n".join(lines) + "\n\n"
        "It is kept in a folder on this machine until you delete this chat. "
        "Links to it expire; reload the page, and it gets new ones."
    )
    async for event in turn.say(text):
        yield event


async def show_help(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """List the commands."""
    async for event in turn.say("Here is what I can show you:"):
        yield event
    commands = [(name, scene.about) for name, scene in SCENES.items()]
    copy_text = "\n".join(f"{name}: {about}" for name, about in commands)
    async for event in turn.show(commands_card(commands), copy_text):
        yield event


async def tell_story(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Stream a formatted text."""
    text = (
        "## The lighthouse keeper\n\n"
        "Every evening the keeper wrote down *one* thing that the sea had said.\n\n"
        "- On Monday it said **hush**.\n"
        "- On Tuesday it said nothing, which took all day.\n"
        "- On Wednesday it said `0x5EA`, and the keeper smiled.\n\n"
        "On Thursday the lamp went out, but the words were written down, "
        "so none of them were lost."
    )
    async for event in turn.say(text):
        yield event


async def tell_long_story(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Talk for a while, so that there is time to press Stop."""
    verses = [
        f"**Wave {number}.** It came in slowly, looked at the beach for a moment, thought of "
        "something it had left far out at sea, and went back to fetch it."
        for number in range(1, 41)
    ]
    async for event in turn.say("\n\n".join(["Press Stop whenever you like.", *verses])):
        yield event


async def make_plan(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Say what is going on, then show steps that complete one after the other."""
    for text in ("Looking at the map", "Asking the gulls"):
        yield ProgressUpdateEvent(icon="compass", text=text)
        await turn.pause(20)
    steps = ["Find the harbour", "Count the boats", "Choose the blue one"]
    workflow = Workflow(type="custom", tasks=[], expanded=True)
    item = WorkflowItem(
        id=turn.new_id("workflow"), thread_id=turn.thread.id, created_at=now(), workflow=workflow
    )
    yield ThreadItemAddedEvent(item=item)
    done: list[CustomTask] = []
    for index, title in enumerate(steps):
        task = CustomTask(title=title, status_indicator="loading")
        added = WorkflowTaskAdded(task_index=index, task=task)
        yield ThreadItemUpdatedEvent(item_id=item.id, update=added)
        await turn.pause(20)
        done.append(task.model_copy(update={"status_indicator": "complete"}))
        updated = WorkflowTaskUpdated(task_index=index, task=done[-1])
        yield ThreadItemUpdatedEvent(item_id=item.id, update=updated)
    summary = CustomSummary(title=f"Planned in {len(steps)} steps", icon="check-circle")
    finished = Workflow(type="custom", tasks=list(done), summary=summary, expanded=False)
    yield ThreadItemDoneEvent(item=item.model_copy(update={"workflow": finished}))
    async for event in turn.say("The plan stands: we take the blue boat."):
        yield event


async def show_tasks(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Show a widget whose buttons change it (``tasks.set`` in deeds.py)."""
    async for event in turn.show(tasks_card(done=()), "Three small tasks"):
        yield event


async def take_order(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Show a form (``order.submit`` in deeds.py)."""
    async for event in turn.show(order_form(), "A form for a picnic basket"):
        yield event


async def ask_questions(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Put structured questions; the answers come back in a turn of their own."""
    async for event in turn.say("Three questions, so that I know where we are going:"):
        yield event
    yield ThreadItemDoneEvent(
        item=StructuredInputItem(
            id=turn.new_id(),
            thread_id=turn.thread.id,
            created_at=now(),
            inputs=[
                StructuredInputMultipleChoice(
                    id="place", question="Where to?", options=options("Coast", "Hills", "City")
                ),
                StructuredInputMultipleChoice(
                    id="bring",
                    question="What do we bring?",
                    multiple=True,
                    options=options("Tea", "Sandwiches", "An umbrella"),
                ),
                StructuredInputFreeform(
                    id="wish", question="Anything else?", description="A sentence is plenty."
                ),
            ],
        )
    )


async def ask_the_time(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Have the page run a tool; its result comes back in a turn of its own."""
    async for event in turn.say("Only your browser knows your clock. Let me ask it."):
        yield event
    yield ThreadItemDoneEvent(
        item=ClientToolCallItem(
            id=turn.new_id("tool_call"),
            thread_id=turn.thread.id,
            created_at=now(),
            call_id=turn.new_id("tool_call"),
            name="get_local_time",
            arguments={},
        )
    )


async def cite_sources(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Answer with citations."""
    text = "Event streams are part of the HTML standard, and this server's notes agree."
    standard = URLSource(
        title="Server-sent events",
        url="https://html.spec.whatwg.org/multipage/server-sent-events.html",
        attribution="WHATWG",
    )
    notes = FileSource(title="How the demo is served", filename="web.py")
    sources = [
        Annotation(source=standard, index=text.index(",")),
        Annotation(source=notes, index=len(text)),
    ]
    async for event in turn.say(text, sources=sources):
        yield event


async def draw_picture(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Make an image that gets sharper as it goes."""
    item = GeneratedImageItem(id=turn.new_id(), thread_id=turn.thread.id, created_at=now())
    yield ThreadItemAddedEvent(item=item)
    pictures = [GeneratedImage(id=f"{item.id}_{waves}", url=seascape(waves)) for waves in (1, 2, 4)]
    for step, picture in enumerate(pictures, start=1):
        await turn.pause(20)
        update = GeneratedImageUpdated(image=picture, progress=step / len(pictures))
        yield ThreadItemUpdatedEvent(item_id=item.id, update=update)
    yield ThreadItemDoneEvent(item=item.model_copy(update={"image": pictures[-1]}))


async def write_report(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Stream a widget: the text in it grows."""
    text = "Wind from the **west**, four to five.\n\n- Morning: mist\n- Noon: sun\n- Evening: stars"

    async def states() -> AsyncGenerator[DynamicWidgetRoot, None]:
        said = ""
        yield report_card(said, streaming=True)
        for word in words_of(text):
            await turn.pause()
            said += word
            yield report_card(said, streaming=True)
        yield report_card(said, streaming=False)

    async for event in turn.show(states(), text):
        yield event


async def fail_once(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Fail in the middle of a reply; the retry of the same message works."""
    message_id = turn.message.id if turn.message else ""
    if turn.thread.metadata.get("failed_at") == message_id:
        async for event in turn.say("There we are: the second attempt worked."):
            yield event
        return
    turn.thread.metadata = {**turn.thread.metadata, "failed_at": message_id}
    async for event in turn.say("I will look that up, one moment"):
        yield event
    raise CustomStreamError("The lookup failed, on purpose.", allow_retry=True)


async def remember(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Store something that later turns can read and the page never gets."""
    fact = turn.words.partition(" ")[2].strip()
    if not fact:
        async for event in turn.say("Tell me what: `remember the cat is called Tom`."):
            yield event
        return
    note = HiddenContextItem(
        id=turn.new_id(), thread_id=turn.thread.id, created_at=now(), content={"fact": fact}
    )
    yield ThreadItemDoneEvent(item=note)
    async for event in turn.say("Noted, out of sight. Ask me to `recall` it."):
        yield event


async def recall(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Answer from the hidden items."""
    hidden = [content async for content in hidden_contents(turn)]
    facts = [str(content["fact"]) for content in hidden if "fact" in content]
    thumbs = [content["feedback"] for content in hidden if "feedback" in content]
    lines = [f"- {fact}" for fact in facts] or ["- nothing yet: try `remember the sea is blue`"]
    if thumbs:
        lines.append(f"- your feedback so far: {', '.join(thumbs)}")
    async for event in turn.say("\n".join(["What I keep in mind here:", "", *lines])):
        yield event


async def lock_thread(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Close the thread to messages; a widget's button opens it again."""
    async for event in turn.show(lock_card(locked=True), "Messages are refused now."):
        yield event
    turn.thread.status = LockedStatus(reason="Locked by the demo. Use the Unlock button above.")


async def continue_after_input(turn: Turn) -> AsyncIterator[ThreadStreamEvent]:
    """Go on after answered questions or a tool's result: whichever has no reply yet.

    The reply's id is made from the item's, which is how one sees later that it was given.
    """
    replies: set[str] = set()
    async for item in walk_items(turn.store, turn.thread.id, None, order="desc"):
        if isinstance(item, AssistantMessageItem):
            replies.add(item.id)
        text = reply_to(item) if isinstance(item, (StructuredInputItem, ClientToolCallItem)) else ""
        if text and f"{item.id}_reply" not in replies:
            async for event in turn.say(text, item_id=f"{item.id}_reply"):
                yield event
            return


def reply_to(item: StructuredInputItem | ClientToolCallItem) -> str:
    """What to say to answers or to a tool's result; nothing while they are awaited."""
    if item.status == "pending":
        return ""
    if isinstance(item, ClientToolCallItem):
        return time_told(item.output)
    if item.status == "skipped":
        return "No answers: then we stay at home and read."
    told = [f"- {question.question} {answer_of(question)}" for question in item.inputs]
    return "\n".join(["Good, that is settled:", "", *told])


def time_told(output: Any) -> str:
    """The tool's result in words; it comes from a browser, so anything is possible."""
    told = as_object(output)
    time, zone = str(told.get("time", ""))[:40], str(told.get("timezone", ""))[:40]
    if not time:
        return "Your browser would not tell me the time."
    return f"Your clock says **{time}**" + (f" ({zone})." if zone else ".")


def answer_of(question: StructuredInputMultipleChoice | StructuredInputFreeform) -> str:
    """An answer in words."""
    if question.answer is None or question.answer.skipped:
        return "*no answer*"
    return f"**{', '.join(question.answer.values)}**"


async def hidden_contents(turn: Turn) -> AsyncIterator[dict[str, Any]]:
    """What the thread's hidden items hold, oldest first."""
    async for item in walk_items(turn.store, turn.thread.id, None, order="asc"):
        if isinstance(item, HiddenContextItem):
            yield as_object(item.content)


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one in place of anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_code(words: str) -> str:
    """A user's words in Markdown, on one line, such that nothing in them is markup."""
    line = " ".join(words.replace("`", "'").split()) or "?"
    return f"`{line}`"


def options(*values: str) -> list[StructuredInputMultipleChoiceOption]:
    """The choices of a question."""
    return [StructuredInputMultipleChoiceOption(value=value) for value in values]


def seascape(waves: int) -> str:
    """A picture of the sea as a data URL, so that the page needs nothing from outside."""
    lines = "".join(
        f'<path d="M0 {250 + 36 * row} q40 -26 80 0 t80 0 t80 0 t80 0 t80 0 t80 0" fill="none" '
        f'stroke="#eaf6ff" stroke-opacity="{0.85 - 0.15 * row:.2f}" stroke-width="5"/>'
        for row in range(waves)
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 400">'
        '<rect width="480" height="220" fill="#f6c79b"/>'
        '<circle cx="240" cy="220" r="70" fill="#f2785c"/>'
        f'<rect y="220" width="480" height="180" fill="#2f6f8f"/>{lines}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


SCENES: dict[str, Scene] = {
    "story": Scene("a streamed, formatted reply", tell_story),
    "long": Scene("a reply long enough to stop", tell_long_story),
    "plan": Scene("progress, and steps that complete", make_plan),
    "tasks": Scene("a widget with buttons that act", show_tasks),
    "order": Scene("a form", take_order),
    "ask": Scene("structured questions", ask_questions),
    "time": Scene("a tool that runs in your browser", ask_the_time),
    "sources": Scene("a reply with citations", cite_sources),
    "draw": Scene("an image that gets sharper", draw_picture),
    "report": Scene("a widget that fills as it streams", write_report),
    "oops": Scene("an error, and a retry that works", fail_once),
    "remember": Scene("context that only the server sees", remember),
    "recall": Scene("an answer from that context", recall),
    "lock": Scene("a thread that takes no messages", lock_thread),
    "help": Scene("this list", show_help),
}

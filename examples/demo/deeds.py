"""What the buttons and forms of the demo's widgets do: one function for each type of action."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

from pydantic import BaseModel, Field, ValidationError

from cards import TASKS, cancelled_card, lock_card, receipt_card, tasks_card
from chatkit.types import (
    ActiveStatus,
    ClientEffectEvent,
    NoticeEvent,
    ThreadItemReplacedEvent,
    ThreadStreamEvent,
    WidgetItem,
)
from chatkit.widgets import DynamicWidgetRoot
from turn import Turn

Deed: TypeAlias = Callable[[Turn, WidgetItem, Any], AsyncIterator[ThreadStreamEvent]]
"""From the turn, the widget that was clicked and the action's payload to the events."""


class TasksPayload(BaseModel):
    """Which tasks are done after the click."""

    done: set[int] = Field(max_length=len(TASKS))


class OrderPayload(BaseModel):
    """What the form's fields hold."""

    name: str = Field(min_length=1, max_length=80)
    size: str = Field(max_length=20)
    bread: str = Field(max_length=20)
    day: str | None = Field(default=None, max_length=40)
    gift: bool = False
    note: str | None = Field(default=None, max_length=500)

    def lines(self) -> list[tuple[str, str]]:
        """The order in words, without what was left out."""
        said = {
            "For": self.name,
            "Size": self.size,
            "Bread": self.bread,
            "Day": self.day,
            "Gift": "yes, wrapped" if self.gift else None,
            "Note": self.note,
        }
        return [(label, value) for label, value in said.items() if value]


async def set_tasks(
    turn: Turn, sender: WidgetItem, payload: Any
) -> AsyncIterator[ThreadStreamEvent]:
    """Show the new state in place of the old one; celebrate when nothing is left to do."""
    done = TasksPayload.model_validate(payload).done & set(range(len(TASKS)))
    yield replaced(sender, tasks_card(done))
    if len(done) == len(TASKS):
        yield ClientEffectEvent(name="confetti")
        async for event in turn.say("All three done. **Well played!**"):
            yield event


async def submit_order(
    turn: Turn, sender: WidgetItem, payload: Any
) -> AsyncIterator[ThreadStreamEvent]:
    """Check what was typed; put the receipt in the form's place."""
    try:
        order = OrderPayload.model_validate(payload)
    except ValidationError:
        yield NoticeEvent(
            level="warning", title="Not yet", message="Please give a name and a size."
        )
        return
    yield replaced(sender, receipt_card(order.lines()))
    async for event in turn.say(f"Thank you, {order.name}. One {order.size} basket, coming up."):
        yield event


async def cancel_order(
    _turn: Turn, sender: WidgetItem, _payload: Any
) -> AsyncIterator[ThreadStreamEvent]:
    """Take the form away."""
    yield replaced(sender, cancelled_card())


async def unlock_thread(
    turn: Turn, sender: WidgetItem, _payload: Any
) -> AsyncIterator[ThreadStreamEvent]:
    """Let messages in again."""
    turn.thread.status = ActiveStatus()
    yield replaced(sender, lock_card(locked=False))


def replaced(sender: WidgetItem, widget: DynamicWidgetRoot) -> ThreadItemReplacedEvent:
    """The same item with another widget."""
    return ThreadItemReplacedEvent(item=sender.model_copy(update={"widget": widget}))


DEEDS: dict[str, Deed] = {
    "tasks.set": set_tasks,
    "order.submit": submit_order,
    "order.cancel": cancel_order,
    "thread.unlock": unlock_thread,
}

"""A model on 127.0.0.1 that says what the test has written down.

``script``           what a model may be told to say: messages, thoughts, pictures, calls, failures
``wire``             what goes out: one JSON body for each event, and what is done to the connection
``responses``        a script as events of the Responses API
``chat_completions`` a script as chunks of the chat-completions API
``server``           the server of both, and the record of what it was asked

    async with scripted_model([Message(Text("Hel", "lo"))], [Call("look", {})]) as model:
        agent = Agent(name="Ada", model=model.responses())

Each list is the reply to one request, in their order.
"""

from support.scripted_model.script import (
    Break,
    Call,
    Citation,
    Failure,
    Gate,
    Image,
    Message,
    Output,
    Raw,
    Reasoning,
    Refusal,
    Reply,
    Status,
    Text,
)
from support.scripted_model.server import Asked, ScriptedModel, scripted_model

__all__ = [
    "Asked",
    "Break",
    "Call",
    "Citation",
    "Failure",
    "Gate",
    "Image",
    "Message",
    "Output",
    "Raw",
    "Reasoning",
    "Refusal",
    "Reply",
    "ScriptedModel",
    "Status",
    "Text",
    "scripted_model",
]

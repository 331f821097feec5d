"""Actions: what a widget asks for when the user clicks, chooses or submits.

``Action`` is what arrives at the server, ``ActionConfig`` what a widget carries. Name an action
once, and make its configuration from its type::

    OpenOrder = Action[Literal["order.open"], OrderRef]
    button = {"type": "Button", "label": "Open", "onClickAction": OpenOrder.create(ref)}
"""

from typing import Any, Final, Generic, Literal, TypeAlias, cast, get_args, get_origin

from pydantic import Field, model_validator
from typing_extensions import TypeVar

from chatkit._models import Model
from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS

Handler: TypeAlias = Literal["client", "server"]
"""Who takes the action: the page around the chat, or the server."""

LoadingBehavior: TypeAlias = Literal["auto", "none", "self", "container"]
"""What shows that the action is under way: the control that was used, or what it stands in."""

DEFAULT_HANDLER: Final[Handler] = "server"
DEFAULT_LOADING_BEHAVIOR: Final[LoadingBehavior] = "auto"

TType = TypeVar("TType", bound=str)
TPayload = TypeVar("TPayload")


class ActionConfig(Model):
    """An action as a widget carries it."""

    model_config = KEEP_UNKNOWN_FIELDS

    type: str
    payload: Any = None
    handler: Handler = DEFAULT_HANDLER
    loadingBehavior: LoadingBehavior = DEFAULT_LOADING_BEHAVIOR  # noqa: N815 - the wire's word
    streaming: bool = True


class Action(Model, Generic[TType, TPayload]):
    """An action as it arrives: its name and what the widget sent along."""

    # Not required, as the wire schema has it; `_fill_in_name` sees to it that there always is one.
    type: TType = Field(default_factory=lambda: cast("TType", ""), frozen=True)
    payload: TPayload = cast("TPayload", None)

    @model_validator(mode="before")
    @classmethod
    def _fill_in_name(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "type" in data:
            return cast("Any", data)
        name = cls._only_name()
        if name is None:
            raise ValueError("an action needs a type")
        return {**cast("dict[str, Any]", data), "type": name}

    @classmethod
    def _only_name(cls) -> str | None:
        """The name that this class stands for, if its type parameter is a literal of one name."""
        annotation = cls.model_fields["type"].annotation
        names = get_args(annotation) if get_origin(annotation) is Literal else ()
        return str(names[0]) if len(names) == 1 else None

    @classmethod
    def create(
        cls,
        payload: TPayload,
        handler: Handler = DEFAULT_HANDLER,
        loading_behavior: LoadingBehavior = DEFAULT_LOADING_BEHAVIOR,
        streaming: bool = True,
    ) -> ActionConfig:
        """The configuration to put into a widget.

        Args:
            payload: What the action brings back to the server; JSON or a model.
            handler: Who takes it.
            loading_behavior: What shows that it is under way.
            streaming: Whether it is answered with a stream (``ChatKitServer.action``) or at once
                (``ChatKitServer.sync_action``).

        Raises:
            TypeError: The class names no action: write ``Action[Literal["name"], Payload]``.
        """
        name = cls._only_name()
        if name is None:
            raise TypeError(
                f"{cls.__name__} does not name one action; "
                'create() needs a class such as Action[Literal["order.open"], OrderRef]'
            )
        return ActionConfig(
            type=name,
            payload=payload,
            handler=handler,
            loadingBehavior=loading_behavior,
            streaming=streaming,
        )

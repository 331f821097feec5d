"""Actions: named once by a type, carried by widgets, sent back by clients."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from chatkit.actions import Action, ActionConfig


class Order(BaseModel):
    sku: str
    count: int = 1


Cancel = Action[Literal["order.cancel"], dict[str, Any]]
Place = Action[Literal["order.place"], Order]
Ping = Action[Literal["ping"], None]


class Reserve(Action[Literal["order.reserve"], Order]):
    """A class of one's own for one action."""


def test_an_action_is_named_by_its_type() -> None:
    assert Cancel.create({"id": 7, "why": None}) == ActionConfig(
        type="order.cancel",
        payload={"id": 7, "why": None},
        handler="server",
        loadingBehavior="auto",
        streaming=True,
    )
    assert Reserve.create(Order(sku="x")).type == "order.reserve"


def test_every_setting_reaches_the_configuration() -> None:
    made = Cancel.create({}, handler="client", loading_behavior="self", streaming=False)
    assert made.model_dump() == {
        "type": "order.cancel",
        "payload": {},
        "handler": "client",
        "loadingBehavior": "self",
        "streaming": False,
    }


def test_a_payload_may_be_a_model_or_nothing() -> None:
    placed = Place.create(Order(sku="x-1"))
    assert placed.model_dump(mode="json")["payload"] == {"sku": "x-1", "count": 1}
    assert Ping.create(None).payload is None


@pytest.mark.parametrize(
    "action", [Action, Action[str, Any], Action[Literal["a", "b"], Any]], ids=repr
)
def test_a_type_that_does_not_name_one_action_cannot_create_one(action: Any) -> None:
    with pytest.raises(TypeError, match="Literal"):
        action.create(None)


def test_an_action_from_a_client_gets_its_payload_checked() -> None:
    action = Place.model_validate_json('{"type": "order.place", "payload": {"sku": "x-1"}}')
    assert action.payload == Order(sku="x-1")
    with pytest.raises(ValidationError):
        Place.model_validate_json('{"type": "order.place", "payload": {}}')


def test_an_action_of_another_name_is_refused() -> None:
    with pytest.raises(ValidationError):
        Place.model_validate({"type": "order.cancel", "payload": {"sku": "x-1"}})


def test_an_action_made_in_code_knows_its_name() -> None:
    assert Place(payload=Order(sku="x-1")).type == "order.place"


def test_an_action_without_any_name_is_refused() -> None:
    adapter = TypeAdapter(Action[str, Any])
    with pytest.raises(ValidationError, match="needs a type"):
        adapter.validate_json('{"payload": 1}')


def test_the_name_of_an_action_cannot_be_changed() -> None:
    action = Action[str, Any](type="a")
    with pytest.raises(ValidationError):
        action.type = "b"  # type: ignore[misc]  # what is tested


def test_a_configuration_keeps_fields_that_it_does_not_know() -> None:
    config = ActionConfig.model_validate({"type": "go", "confirm": "Sure?"})
    assert config.model_dump()["confirm"] == "Sure?"
    assert "additionalProperties" not in ActionConfig.model_json_schema()

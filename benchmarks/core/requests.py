"""Requests that are answered at once, through ``process()``."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Literal

from benchmarks.core.sample import THREAD_ID, filled_store
from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target
from chatkit.server import ChatKitServer, NonStreamingResult
from chatkit.types import ThreadMetadata, ThreadStreamEvent, UserMessageItem

ITEMS = 20

REQUESTS: dict[str, tuple[dict[str, Any], Target]] = {
    "items.list": ({"thread_id": THREAD_ID, "limit": 20, "order": "desc"}, Target(50)),
    "threads.get_by_id": ({"thread_id": THREAD_ID}, Target(25)),
    "threads.list": ({"limit": 20, "order": "desc"}, Target(15)),
    "items.feedback": (
        {"thread_id": THREAD_ID, "item_ids": ["msg_1"], "kind": "positive"},
        Target(300),
    ),
}


class Server(ChatKitServer[None]):
    """Answers nothing: the requests here do not ask for it."""

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        raise NotImplementedError
        yield

    async def add_feedback(
        self,
        thread_id: str,
        item_ids: list[str],
        feedback: Literal["positive", "negative"],
        context: None,
    ) -> None:
        pass


async def answer(times: int) -> AsyncGenerator[Round, None]:
    """Some requests of each kind."""
    server = Server(await filled_store(ITEMS, threads=ITEMS))
    while True:
        costs: dict[str, float] = {}
        answers: dict[str, Any] = {}
        for kind, (params, _) in REQUESTS.items():
            body = json.dumps({"type": kind, "params": params})
            started = time.process_time()
            result: Any = None
            for _ in range(times):
                result = await server.process(body, None)
            costs[kind] = (time.process_time() - started) / times
            assert isinstance(result, NonStreamingResult)
            answers[kind] = json.loads(result.json)
        yield Round(costs, answers)


def ours(quick: bool) -> AsyncGenerator[Round, None]:
    return answer(100 if quick else 1000)


def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    return answer(5 if quick else 20)


BENCHMARKS = [
    Benchmark(
        name="requests",
        rows=[Row(kind, f"process() for {kind}", bar) for kind, (_, bar) in REQUESTS.items()],
        ours=ours,
        peer="openai-chatkit",
        theirs=theirs,
        environment=Environment.OPENAI_CHATKIT,
    )
]

"""``python -m chatkit.copy SOURCE_URL TARGET_URL``: everything from one store into another.

Exits with 0 if the target then has what the source has and nothing else, with 1 if not, and with
2 if that could not be found out. URLs are never shown, since they may hold passwords.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from chatkit.owners import SINGLE_OWNER
from chatkit.records import CopyProgress, CopyResult, RecordStore, copy, store_from_url
from chatkit.store import StoreError

COMPLETE, INCOMPLETE, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130
SECONDS_BETWEEN_LINES = 1.0
LINES_OF_DIFFERENCES = 20

GO_ON = "To go on, run the same command again: what has been copied is skipped."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names are users'
    options = _options(arguments)
    try:
        result = asyncio.run(_run(options.source, options.target, options.page_size))
    except KeyboardInterrupt:
        _say(f"Broken off. {GO_ON}")
        return INTERRUPTED
    except _CouldNotRunError as error:
        _say(f"chatkit.copy could not run: {_without_secrets(str(error), options)}")
        return COULD_NOT_RUN
    except StoreError as error:
        _say(f"chatkit.copy could not go on: {_without_secrets(str(error), options)}")
        _say(GO_ON)
        return COULD_NOT_RUN
    _summarise(result)
    return COMPLETE if result.ok else INCOMPLETE


class _CouldNotRunError(Exception):
    """There are no two stores to copy between."""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chatkit.copy",
        description="Copy everything from one store into another, and compare them.",
        epilog="Exit status: 0 all is there and equal, 1 it is not, 2 that could not be found out.",
    )
    parser.add_argument("source", metavar="SOURCE_URL", help="such as sqlite:///chat.db")
    parser.add_argument("target", metavar="TARGET_URL", help="such as redis://localhost:6379/0")
    parser.add_argument(
        "--page-size",
        type=int,
        default=100,
        metavar="N",
        help="how many records to hold in memory at once (default: %(default)s)",
    )
    options, more = parser.parse_known_args(arguments)
    if more:  # not shown, as argparse would: this may be a URL
        parser.error("there must be two URLs and no other arguments than those of --help")
    if options.page_size < 1:
        parser.error(f"--page-size must be 1 or more, got {options.page_size}")
    return options


async def _run(source_url: str, target_url: str, page_size: int) -> CopyResult:
    source = _store(source_url)
    target = _store(target_url)
    if source.name == target.name:
        raise _CouldNotRunError(f"source and target are the same: {source.name}")
    async with source, target:
        if not await source.all_owners.scan(None, 1):
            raise _CouldNotRunError(f"there is nothing in {source.name}; is it the right URL?")
        _say(f"Copying from {source.name} to {target.name}.")
        return await copy(source, target, page_size=page_size, progress=_Ticker())


def _store(url: str) -> RecordStore[None]:
    try:
        store: RecordStore[None] = store_from_url(url, owner=SINGLE_OWNER)
    except Exception as error:  # whatever a package does with a URL that it does not like
        raise _CouldNotRunError(str(error)) from error
    return store


class _Ticker:
    """Says now and then how far the copy is."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._last = -math.inf

    def __call__(self, progress: CopyProgress) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            _say(f"{now - self._started:6.0f} s  {_numbers(progress)}")


def _summarise(result: CopyResult) -> None:
    _say(f"Done: {_numbers(result.progress)}.")
    if result.ok:
        _say("The target has what the source has, in the same order, and nothing else.")
        return
    for difference in result.differences[:LINES_OF_DIFFERENCES]:
        _say(f"- {difference}")
    more = result.difference_count - LINES_OF_DIFFERENCES
    if more > 0:
        _say(f"- and {more:,} more")
    _say(f"NOT EQUAL: {result.difference_count:,} differences between source and target.")


def _numbers(progress: CopyProgress) -> str:
    gone = f", {progress.gone:,} items passed over without a thread" if progress.gone else ""
    return (
        f"{progress.copied:,} copied, {progress.skipped:,} there already{gone}, "
        f"{progress.compared:,} compared"
    )


def _without_secrets(text: str, options: argparse.Namespace) -> str:
    """The text of an error, for the case that a driver puts into it what it was given."""
    for url in (options.source, options.target):
        for secret in _secrets_in(url):
            text = text.replace(secret, "***")
    return text


def _secrets_in(url: str) -> Iterator[str]:
    user_and_password, at, _ = url.partition("://")[2].rpartition("@")
    if at:
        password = user_and_password.partition(":")[2]
        yield from filter(None, (url, user_and_password, password, unquote(password)))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

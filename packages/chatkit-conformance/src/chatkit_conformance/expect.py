"""What cases expect, and how they say that it is not so: what was expected, and what came back.

Cases call these by the module's name (``expect.equal``).
"""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from chatkit.store import NotFoundError

_LONGEST = 400

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _LONGEST
_repr.maxlist = _repr.maxtuple = _repr.maxdict = _repr.maxset = 12
_repr.maxlevel = 8


class ContractBroken(AssertionError):  # noqa: N818 - what it says is not an error of the program
    """The store did not do what the case expects."""

    def __init__(self, what: str, expected: str, got: str) -> None:
        super().__init__(f"{what}\n  expected: {expected}\n  got:      {got}")
        self.what = what
        self.expected = expected
        self.got = got


def fail(what: str, *, expected: object, got: object) -> None:
    """The store broke the contract."""
    raise ContractBroken(what, _shown(expected), _shown(got))


def true(condition: bool, what: str, *, expected: object, got: object) -> None:
    """``condition`` holds."""
    if not condition:
        fail(what, expected=expected, got=got)


def equal(got: Any, expected: Any, what: str) -> None:
    """The two are equal and of one type."""
    if type(got) is not type(expected) or got != expected:
        fail(what, **_difference(expected, got))


def once_each(got: Sequence[str], expected: Collection[str], what: str) -> None:
    """Each of the expected ids came, once, and no other."""
    twice = sorted({id for id in got if got.count(id) > 1}) if len(set(got)) < len(got) else []
    true(not twice, what, expected="every record once", got=f"more than once: {_shown(twice)}")
    missing = sorted(set(expected) - set(got))
    true(not missing, what, expected="every record", got=f"without {_shown(missing)}")
    foreign = sorted(set(got) - set(expected))
    true(not foreign, what, expected="no other record", got=f"also {_shown(foreign)}")


@contextmanager
def raises(
    kinds: type[BaseException] | tuple[type[BaseException], ...], what: str, *, naming: str = ""
) -> Generator[None]:
    """The block raises one of ``kinds``, with ``naming`` in its message."""
    names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
    expected = Words(names + (f" whose message has {naming!r}" if naming else ""))
    try:
        yield
    except kinds as error:
        true(naming in str(error), what, expected=expected, got=error)
    except Exception as error:
        fail(what, expected=expected, got=error)
    else:
        fail(what, expected=expected, got=Words("no error"))


def not_found(what: str, *, naming: str = "") -> Any:
    """The block raises ``NotFoundError``."""
    return raises(NotFoundError, what, naming=naming)


class Words(str):
    """Text for a report that is shown as it is, without quotes."""

    __slots__ = ()


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value if isinstance(value, Words) or "\n" not in value else repr(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return _repr.repr(value)


def _difference(expected: object, got: object) -> dict[str, object]:
    """Both, or of two models of one type only the fields in which they differ."""
    if type(expected) is type(got) and hasattr(expected, "model_fields_set"):
        ours, theirs = dict(vars(expected)), dict(vars(got))
        differing = [name for name in ours if ours[name] != theirs.get(name)]
        if differing:
            return {
                "expected": {name: ours[name] for name in differing},
                "got": {name: theirs.get(name) for name in differing},
            }
    return {"expected": expected, "got": got}

"""The parameters of a command, read from the signature of its method, and how its usage is written."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.botapi.kinds import Kind, hints, kind_of
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.botapi.strings import Strings

    ChoiceWords = Mapping[str, Mapping[str, tuple[str, ...]]]  # by language and value

_KINDS_OF_PARAMETER: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command. `default` only counts when it is not required."""

    name: str
    kind: Kind
    required: bool
    default: object


def parameters(method: Callable[..., object]) -> tuple[Parameter, ...]:
    """All after `self` and `ask`.

    Raises:
        PostkamerError: a parameter has a type that no word can be made into.
    """
    where = f"{method.__module__}.{method.__qualname__}"
    found = list(inspect.signature(method).parameters.values())[2:]
    try:
        types = hints(method, {item.name for item in found})
    except (NameError, TypeError) as error:
        raise PostkamerError(f"{where}: {error}", "import the types of parameters outside TYPE_CHECKING") from None
    made = tuple(_parameter(item, types.get(item.name), where) for item in found)
    if any(param.kind.name == "rest" for param in made[:-1]):
        raise PostkamerError(f"{where}: Rest takes all that is left, so it comes last")
    return made


def _parameter(item: inspect.Parameter, annotation: object, where: str) -> Parameter:
    kind = kind_of(annotation)
    if kind is None or item.kind not in _KINDS_OF_PARAMETER:
        raise PostkamerError(
            f"{where}: no words can be made into {item}",
            "use str, Rest, Target, int, bool, Literal, datetime, Past, date, timedelta, Person, Room or Here",
        )
    required = item.default is inspect.Parameter.empty and not kind.optional
    return Parameter(item.name, kind, required, None if item.default is inspect.Parameter.empty else item.default)


def choice_words(strings: Strings, prefix: str, choices: tuple[str, ...]) -> ChoiceWords:
    """The words for each value of a Literal, by language and value: those of `PREFIX.VALUE`, else the value itself."""
    return {
        language: {
            choice: tuple(
                word.strip() for word in (strings.find(language, f"{prefix}.{choice}", {}) or choice).split(",")
            )
            for choice in choices
        }
        for language in ("nl", "en")
    }


def usage(strings: Strings, language: str, method: str, params: tuple[Parameter, ...]) -> Iterator[str]:
    """How each argument is written: `<must>`, `[may]`."""
    for param in params:
        if param.kind.name == "target":
            continue
        prefix = f"{method}.{param.name}"
        name = strings.find(language, prefix, {}) or param.name
        if param.kind.name == "choice":
            words = choice_words(strings, prefix, param.kind.choices)[language]
            name = "|".join(words[choice][0] for choice in param.kind.choices)
        elif param.kind.name == "rest":
            name += " …"
        yield f"<{name}>" if param.required and not param.kind.here else f"[{name}]"

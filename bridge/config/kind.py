"""What the annotation of a setting says: the loader and the example file both read it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.config.checks import Check


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a setting, taken apart.

    Attributes:
        type: of the value; `tuple` when it is a list.
        checks: of the value; of a list as a whole.
        item: what each entry of a list is; None for what is no list.
    """

    type: Any
    checks: Sequence[Check]
    optional: bool
    item: Kind | None = None

    @classmethod
    def of(cls, hint: Any) -> Kind:
        """Take `Annotated[T, check]`, `T | None`, `tuple[T, ...]` and all of these apart."""
        checks: list[Check] = []
        optional = False
        while True:
            if get_origin(hint) is Annotated:
                checks += hint.__metadata__
                hint = hint.__origin__
            elif get_origin(hint) in {Union, UnionType}:
                (hint,) = (part for part in get_args(hint) if part is not type(None))
                optional = True
            elif get_origin(hint) is tuple:
                return cls(tuple, checks, optional, cls.of(get_args(hint)[0]))
            else:
                return cls(hint, checks, optional)

    @property
    def is_section(self) -> bool:
        """Whether it is a mapping with settings of its own."""
        return is_dataclass(self.type) and not hasattr(self.type, "parse")

    @property
    def shape(self) -> str:
        """What such a value looks like."""
        if self.item is not None:
            if self.item.is_section:
                return f"a list of sections with the keys {self.item.keys}"
            return f"a list such as [{self.item.type.EXAMPLE!r}]"
        if get_origin(self.type) is Literal:
            return f"one of {', '.join(get_args(self.type))}"
        return {int: "a whole number", str: "a text", Path: "a path"}.get(self.type) or str(self.type.SHAPE)

    @property
    def keys(self) -> str:
        """The keys of a section."""
        return ", ".join(item.name for item in fields(self.type))

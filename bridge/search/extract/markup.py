"""XML of strangers: read as a stream, in constant memory, by expat; nothing is fetched and no entity is declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from bridge.search.extract.outcome import BROKEN, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.search.extract.text import Text

    Start = Callable[[str, Mapping[str, str]], None]
    End = Callable[[str], None]
    Characters = Callable[[str], None]

DEEPEST: Final = 2000  # elements within each other
LONGEST: Final = 1_000_000  # bytes of a tag or a comment; expat looks at all of it again with each chunk


def walk(chunks: Iterable[bytes], start: Start, end: End, characters: Characters) -> None:
    """Read one XML document.

    Args:
        chunks: its bytes.
        start: called with the name of each element, without its prefix, and its attributes as they are.
        end: called with the name of each element that ends.
        characters: called with text.

    Raises:
        UnreadableError: not well-formed, or with a document type, which none of the formats that we read has.
    """
    depth = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise UnreadableError("failed", BROKEN)
        start(name.rpartition(":")[2], attributes)

    def finish(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name.rpartition(":")[2])

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = _refuse
    try:
        given = 0
        for chunk in chunks:
            parser.Parse(chunk, False)
            given += len(chunk)
            if given - parser.CurrentByteIndex > LONGEST:
                raise UnreadableError("failed", BROKEN)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableError("failed", BROKEN) from error


def _refuse(*_: object) -> None:
    raise UnreadableError("failed", BROKEN)


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where the text of a kind of XML is. All names are those of elements, without prefix.

    Attributes:
        text: in these, and in what is in them, characters count.
        starts: what stands for the beginning of an element.
        ends: what stands for its end.
        skipped: nothing in these counts.
        page: of these there is one a page.
    """

    text: frozenset[str]
    starts: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    page: str | None = None


def add_markup(chunks: Iterable[bytes], grammar: Grammar, text: Text) -> int:
    """Add the text of one XML document.

    Returns:
        how many pages it has, if the grammar knows.
    """
    inside = skipping = pages = 0

    def start(name: str, _: Mapping[str, str]) -> None:
        nonlocal inside, skipping, pages
        text.tick()
        skipping += name in grammar.skipped
        inside += name in grammar.text
        pages += name == grammar.page
        if not skipping and name in grammar.starts:
            text.add(grammar.starts[name])

    def end(name: str) -> None:
        nonlocal inside, skipping
        if not skipping and name in grammar.ends:
            text.add(grammar.ends[name])
        inside -= name in grammar.text
        skipping -= name in grammar.skipped

    def characters(data: str) -> None:
        if inside and not skipping:
            text.add(data)

    walk(chunks, start, end, characters)
    return pages

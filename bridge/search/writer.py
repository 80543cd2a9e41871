"""Writing one generation of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import tantivy

from bridge.search import schema
from bridge.search.generations import State, write_state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HEAP: Final = 64_000_000  # bytes; what is more is written out


class Writer:
    """The only one that writes in the folder. Its methods wait for the disk: call them in a thread, one at a time.

    A crash at any moment leaves what was committed last.

    Raises:
        ValueError: by all of them, what tantivy raises when it cannot read or write its files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = tantivy.Index(schema.schema(), path=str(path))
        self._index.config_reader("manual")
        self._writer = self._index.writer(HEAP, 1)

    def remove(self, seqs: Iterable[int]) -> None:
        """The documents of these messages."""
        for seq in seqs:
            self._writer.delete_documents_by_term(schema.SEQ, seq)

    def add(self, document: tantivy.Document) -> None:
        """One more."""
        self._writer.add_document(document)

    def commit(self, state: State) -> None:
        """From now on readers see what was removed and added."""
        self._writer.commit()
        write_state(self.path, state)

    def count(self) -> int:
        """The documents that were committed."""
        self._index.reload()
        return self._index.searcher().num_docs

    def close(self) -> None:
        """Let go of the folder, without what was not committed."""
        del self._writer, self._index

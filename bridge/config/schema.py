"""Every setting of Postkamer: one frozen dataclass a section, with its default and its meaning.

`config.example.yaml` is generated from this module; the loader checks a file against it. A field without a
default is required. `Annotated` carries the check and `doc` the text that the example file shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from bridge.config.checks import Bytes, Days, HostPort, Secret, between, localpart, server_name, web_url


def setting(doc: str, **kwargs: Any) -> Any:
    """A dataclass field with the comment that the example file shows above it."""
    return field(metadata={"doc": doc}, **kwargs)

"""Programs that we start and that are told by the kernel when we die (Linux)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

_LAUNCHER = Path(__file__).with_name("launcher.py")


def dying_with_us(
    words: Sequence[str], on_our_death: signal.Signals, *, uid: int | None = None, gid: int | None = None
) -> list[str]:
    """The words that run a program, in the folder `/`; see `bridge.storage.launcher`.

    Args:
        uid, gid: of the user as whom it runs; None: our own.
    """
    who = (os.geteuid() if uid is None else uid, os.getegid() if gid is None else gid, os.getpid(), int(on_our_death))
    return [sys.executable, "-I", "-S", str(_LAUNCHER), *map(str, who), *words]

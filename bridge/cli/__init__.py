"""The command `postkamer`."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from bridge import __version__
from bridge.errors import PostkamerError

DONE, NO, WRONG_USE = 0, 1, 2

COMMANDS = ("init", "check", "run", "export", "search", "coverage", "backfill", "retry", "rebuild", "new-bot", "demo")


def parser(names: tuple[str, ...] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with these commands; a module is imported only for the command that needs it."""
    top = argparse.ArgumentParser(
        prog="postkamer",
        description="Mail room for a company's own Matrix homeserver.",
        epilog="Results go to standard output, everything else to standard error. "
        "Exit status: 0 done, 1 the answer is no, 2 wrong use.",
    )
    top.add_argument("--version", action="version", version=f"postkamer {__version__}")
    sub = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        import_module(f"bridge.cli.{name.replace('-', '_')}").add_parser(sub)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        the exit status.
    """
    words = sys.argv[1:] if argv is None else argv
    wanted = tuple(name for name in COMMANDS if words[:1] == [name])
    args = parser(wanted or COMMANDS).parse_args(words)
    try:
        return int(args.run(args))
    except PostkamerError as error:
        print(f"postkamer: {error}", file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has enough; let the interpreter not complain about it when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO

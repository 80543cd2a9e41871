"""Errors that a person is meant to read."""

from __future__ import annotations


class PostkamerError(Exception):
    """Something is wrong that a person can mend.

    Shown on the command line as `message` and, on the next line, `hint`: what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message

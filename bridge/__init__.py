"""Postkamer: a mail room for a company's own Matrix homeserver."""

__version__ = "0.1.0"

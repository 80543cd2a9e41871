"""Reading encrypted rooms in which our bot is a member.

`Reading` runs it; the consumer `bridge.archive.reader.Reader` says what is to be read and where the bot is invited.
"""

from bridge.matrix.crypto.reading import Reading, check_pickle_key

__all__ = ["Reading", "check_pickle_key"]

"""The recorder: keeps the archive from what the inbox holds."""

from bridge.archive.recorder.consumer import Recorder

__all__ = ["Recorder"]

"""Loggers for mautrix, which needs a class of its own for them.

It sets that class when it is imported, and structlog sets another one when it is configured later.
"""

from __future__ import annotations

import logging

from mautrix.util.logging import TraceLogger


def trace_logger(name: str) -> TraceLogger:
    """A logger below `mautrix`, of the class that mautrix asks for.

    Only errors: mautrix warns of every device of others that is not cross-signed, each time it meets it.
    """
    before = logging.getLoggerClass()
    logging.setLoggerClass(TraceLogger)
    try:
        logger = logging.getLogger(f"mautrix.postkamer.{name}")
    finally:
        logging.setLoggerClass(before)
    logger.setLevel(logging.ERROR)
    if not isinstance(logger, TraceLogger):
        raise TypeError(f"somebody else has made the logger {logger.name}")
    return logger

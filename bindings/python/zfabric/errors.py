"""Result codes, and the exception of each but OK."""

from __future__ import annotations

from typing import Dict, List, Optional, Type


class FabricError(Exception):
    """A task that did not end with OK: its code, what went wrong, and where."""

    rc = ""

    def __init__(self, error: str = "", stacktrace: Optional[List[str]] = None,
                 cookie: Optional[str] = None, rc: Optional[str] = None) -> None:
        super().__init__(error)
        self.error = error
        self.stacktrace = list(stacktrace or [])
        self.cookie = cookie
        if rc is not None:
            self.rc = rc

    def __str__(self) -> str:
        return f"{self.rc}: {self.error}" if self.error else self.rc


class BadPacket(FabricError):
    rc = "BAD_PACKET"


class UnsupportedPacketType(FabricError):
    rc = "UNSUPPORTED_PACKET_TYPE"


class NoCapacity(FabricError):
    rc = "NO_CAPACITY"


class CookieNotFound(FabricError):
    rc = "COOKIE_NOT_FOUND"


class CookieCollision(FabricError):
    rc = "COOKIE_COLLISION"


class WorkerWentAway(FabricError):
    rc = "WORKER_WENT_AWAY"


class BrokerWentAway(FabricError):
    rc = "BROKER_WENT_AWAY"


class ProcessorException(FabricError):
    """Raised by a handler: an error of the pipeline's own."""

    rc = "PROCESSOR_EXCEPTION"


class WorkerException(FabricError):
    rc = "EXCEPTION"


class Cancelled(FabricError):
    rc = "CANCELLED"


class TimedOut(FabricError):
    rc = "TIMED_OUT"


class Forbidden(FabricError):
    rc = "FORBIDDEN"


BY_RC: Dict[str, Type[FabricError]] = {kind.rc: kind for kind in FabricError.__subclasses__()}
RESULT_CODES = frozenset(BY_RC) | {"OK"}


def error_of(rc: str, error: str = "", stacktrace: Optional[List[str]] = None,
             cookie: Optional[str] = None) -> FabricError:
    return BY_RC.get(rc, FabricError)(error, stacktrace, cookie, rc)

"""The bots at work, as one object for the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.config.users import bot_ids
from bridge.engine.answering import Answering
from bridge.engine.cleaner import Cleaner
from bridge.engine.direct import DirectChats
from bridge.engine.jobs import Jobs
from bridge.engine.joining import Joining
from bridge.engine.lanes import Lanes
from bridge.engine.limits import Limits
from bridge.engine.listener import Listener
from bridge.engine.recorded import Recorded
from bridge.engine.sender import Sender
from bridge.engine.situation import Situations
from bridge.engine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.botapi.runner import Runner
    from bridge.config.schema import Config
    from bridge.engine.courier import Courier
    from bridge.engine.ports import Ports
    from bridge.storage.db import Db

ANSWERS, SENDS, JOINS, JOBS, SLOW_JOBS = 4, 4, 2, 2, 1  # at the same time, at the most


class Engine:
    """Everything between the inbox and the homeserver.

    Args:
        runners: the bots by the Matrix id of their user; users without bots are left out.
        couriers: gives the courier of such a user.

    Attributes:
        consumer: follows the inbox; call `wake` after each of its batches.
    """

    def __init__(
        self,
        config: Config,
        db: Db,
        runners: Mapping[str, Runner],
        couriers: Callable[[str], Courier],
        ports: Ports,
    ) -> None:
        self.consumer: Final = Listener(config, runners)
        self._cleaner = Cleaner(db, config.data_dir / "outbox", bot_ids(config))
        self._recorded = Recorded(db)
        found = {user_id: couriers(user_id) for user_id in runners}
        situations = Situations(config, db, ports)
        answering = Answering(db, runners, situations, self._recorded)
        limits = Limits(config.bots.commands_per_minute)
        worker = Worker(db, answering, situations, found, limits=limits, then=self._answered)
        quick, slow = (
            Jobs(db, runners, situations, config.bots.timezone.zone, self._answered, slow=slow)
            for slow in (False, True)
        )
        self._answers = Lanes(worker, parallel=ANSWERS)
        self._jobs = [
            Lanes(quick, parallel=JOBS, until_next=quick.seconds_to_next),
            Lanes(slow, parallel=SLOW_JOBS, until_next=slow.seconds_to_next),
        ]
        self._senders = [
            Lanes(Sender(db, courier, DirectChats(db, courier)), parallel=SENDS) for courier in found.values()
        ]
        joining = [Joining(db, courier) for courier in found.values()]
        self._joining = [Lanes(one, parallel=JOINS, until_next=one.seconds_to_next) for one in joining]

    def parts(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What is to run, by name."""
        return {"old answers": self._cleaner.run} | {lanes.name: lanes.run for lanes in self._lanes()}

    def wake(self) -> None:
        """The consumer has committed something."""
        self._answers.wake()
        for lanes in self._joining:
            lanes.wake()

    def recorded(self) -> None:
        """The recorder has committed something; without this, questions look for it themselves."""
        self._recorded.wake()

    def posted(self) -> None:
        """Somebody has put something into the outbox."""
        for lanes in self._senders:
            lanes.wake()

    def planned(self) -> None:
        """Somebody has planned a job."""
        for lanes in self._jobs:
            lanes.wake()

    def state(self) -> Mapping[str, tuple[bool, str]]:
        """Whether each part works, and why not; for the health of the program."""
        return {lanes.name: lanes.state() for lanes in self._lanes()}

    def _answered(self) -> None:
        self.posted()
        self.planned()

    def _lanes(self) -> list[Lanes[Any]]:
        return [self._answers, *self._senders, *self._joining, *self._jobs]

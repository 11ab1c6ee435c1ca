"""An OPC UA server: one subscription, source times and status codes kept.

A short interruption is asyncua's business: it activates the session again, transfers the
subscription and has the server repeat what was not received. If the server has forgotten any
of these, the connection starts anew: namespaces are resolved again and everything is
subscribed again, since indexes may have changed while we were away. Then what happened in
between is read from the server's history; values that the spool knows already are dropped
there. The server's own clock is subscribed as well, as the sign that the subscription lives.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from asyncua.client.ua_client import StateSubscription, UaClientState
from prometheus_client import Gauge

from edge.clock import Clock
from edge.configuration import OpcUaNode, OpcUaSource
from edge.learning import Learned, learn
from edge.link import Link, Put
from edge.opcua.certificates import CertificateFolder
from edge.opcua.comparing import Comparison
from edge.opcua.connection import Secured
from edge.opcua.errors import FAULTS, SourceLostError
from edge.opcua.gaps import Gaps
from edge.opcua.reception import Reception
from edge.opcua.session import Session, opened
from edge.opcua.subscribing import Refusals
from edge.spool import Delivery
from takt.backoff import Backoff
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT

log = logging.getLogger(__name__)

_SILENT_S = 10.0
_WATCH_S = 1.0
_RESUME_S = 20.0
_GLANCE_S = 0.2
_RETRY_NODES_S = 60.0
_COMPARE_S = 60.0
_CERTIFICATES_S = 24 * 3_600.0
_DAYS_LEFT = Gauge(
    "takt_edge_certificate_days",
    "Days until a certificate of an OPC UA session ends; whose: server, collector or user.",
    ["source", "whose"],
)


class OpcUaCollector:
    """Collects from one OPC UA server.

    Args:
        name: The source's name.
        source: Its configuration.
        folder: Where it keeps what must survive a restart.
        certificates: Those of the collector.
        link: Learns how the source is.
        clock: The collector's time.
        put: Where samples go.
        learned: Remembers that this source serves equipment found by its path.
        retry_nodes_s: How often nodes that cannot be subscribed are tried again.
        compare_s: How often nodes are compared with their subscription.
    """

    def __init__(
        self,
        name: str,
        source: OpcUaSource,
        folder: Path,
        certificates: CertificateFolder,
        *,
        link: Link,
        clock: Clock,
        put: Put,
        learned: Learned,
        retry_nodes_s: float = _RETRY_NODES_S,
        compare_s: float = _COMPARE_S,
    ) -> None:
        self._name = name
        self._source = source
        self._certificates = certificates
        self._link = link
        self._clock = clock
        self._put = put
        self._learned = learned
        self._retry_nodes_s = retry_nodes_s
        self._compare_s = compare_s
        self._gaps = Gaps(name, source, folder, put=put, clock=clock)
        self._refusals = Refusals(name, retry_nodes_s)
        slowest_ms = max(
            node.sampling_interval_ms or source.publishing_interval_ms for node in source.nodes
        )
        grace_s = 2 * max(slowest_ms, source.publishing_interval_ms) / 1_000 + 1
        self._comparison = Comparison(name, grace_s)
        self._said_endings: set[tuple[str, str]] = set()
        self._reception = Reception(name, put, link, clock, self._gaps)
        self._comparison.latest = self._reception.latest

    async def run(self) -> NoReturn:
        """Collect until cancelled; a lost server is waited for."""
        backoff = Backoff()
        try:
            while True:
                try:
                    await self._collect(backoff)
                except FAULTS as lost:
                    self._gaps.begin()
                    reason = str(lost) or type(lost).__name__
                    await self._link.down(reason, self._reception.silence_s)
                await asyncio.sleep(backoff.next_delay_s())
        finally:
            self._gaps.save()

    async def _collect(self, backoff: Backoff) -> None:
        async with opened(self._name, self._source, self._certificates, self._refusals) as session:
            self._reception.begin(session.items.targets)
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._start(tasks, "receive", self._reception.run(session.notifications))
                    # Ten thousand items say much before the last of them is made.
                    await self._subscribe(session, self._source.nodes)
                    backoff.reset()
                    await self._link.up()
                    self._gaps.end()
                    self._start(tasks, "watch", self._watch(session))
                    self._start(tasks, "retry", self._retry_nodes(session))
                    self._start(tasks, "back-fill", self._gaps.run(session))
                    self._start(tasks, "compare", self._compare(session))
                    self._start(tasks, "certificates", self._watch_certificates(session.secured))
            except* FAULTS as lost:
                first = _first(lost)
                raise SourceLostError(str(first) or type(first).__name__) from lost

    def _start(
        self, tasks: asyncio.TaskGroup, name: str, work: Coroutine[object, object, NoReturn]
    ) -> None:
        tasks.create_task(work, name=f"{name}[{self._name}]")

    async def _subscribe(self, session: Session, nodes: Iterable[OpcUaNode]) -> None:
        for equipment in {target.equipment for target in await session.items.add(nodes)}:
            if not self._link.serves(equipment):
                await learn(self._learned, self._name, equipment)
                await self._link.add(equipment)
        self._remark(session.secured)

    def _remark(self, secured: Secured) -> None:
        refused = len(self._refusals.nodes)
        remarks = [f"{refused} nodes unreadable"] if refused else []
        self._link.remark = "; ".join([*remarks, *secured.ending(datetime.now(UTC))])

    async def _retry_nodes(self, session: Session) -> NoReturn:
        while True:
            await asyncio.sleep(self._retry_nodes_s)
            if self._refusals.nodes:
                await self._subscribe(session, self._refusals.nodes)

    async def _watch_certificates(self, secured: Secured) -> NoReturn:
        """Show when certificates end; warn once a day of those that do within 30 days."""
        while True:
            now = datetime.now(UTC)
            for whose, days in secured.days_left(now).items():
                _DAYS_LEFT.labels(self._name, whose).set(days)
            for remark in secured.ending(now):
                said = (remark, now.date().isoformat())
                if said not in self._said_endings:
                    self._said_endings.add(said)
                    log.warning("%s: %s; renew it, no restart is needed", self._name, remark)
            self._remark(secured)
            await asyncio.sleep(_CERTIFICATES_S)

    async def _watch(self, session: Session) -> NoReturn:
        """Notice an interruption, a silent subscription, and values the server dropped."""
        while True:
            # Begun anew after each interruption: states of the last one are no news.
            async with session.client.subscribe_state() as states:
                await self._until_interrupted(session, states)
                await self._resume(session, states)

    async def _until_interrupted(self, session: Session, states: StateSubscription) -> None:
        silent_s = max(_SILENT_S, 3 * self._source.publishing_interval_ms / 1_000)
        while session.client.state is UaClientState.CONNECTED:
            with suppress(TimeoutError):
                if await states.next_change(_WATCH_S) is not UaClientState.CONNECTED:
                    return
            session.require_whole()
            if self._reception.silence_s > silent_s:
                raise SourceLostError(f"connected, but silent for {silent_s:.0f} s")
            await self._report_overflows()

    async def _resume(self, session: Session, states: StateSubscription) -> None:
        """Let asyncua bring the session back; what it cannot bring back is read from history."""
        self._gaps.begin()
        silence_s = self._reception.silence_s
        await self._link.down("the connection is lost; resuming the session", silence_s)
        try:
            async with asyncio.timeout(_RESUME_S):
                await states.wait_for_state(UaClientState.CONNECTED)
                await self._heard_again(session)
        except TimeoutError:
            raise SourceLostError(
                f"the session could not be resumed in {_RESUME_S:.0f} s"
            ) from None
        await self._link.up("connected again, session resumed")
        self._gaps.end()

    async def _heard_again(self, session: Session) -> None:
        """Wait for the first word after an interruption, unless the subscription is gone."""
        heard = self._reception.heard
        heard.clear()
        while not heard.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_GLANCE_S):
                    await heard.wait()
            session.require_whole()

    async def _compare(self, session: Session) -> NoReturn:
        while True:
            await asyncio.sleep(self._compare_s)
            nodes = [
                node
                for node, targets in session.items.targets.items()
                if targets[0].wanted.deadband is None
            ]
            await self._comparison.check(
                session.client,
                session.limits,
                nodes,
                lambda: self._reception.since_heard_s > 3 * _WATCH_S,
            )

    async def _report_overflows(self) -> None:
        lost, self._reception.overflows = self._reception.overflows, 0
        if not lost:
            return
        log.error("%s: the server's queues overflowed %d times: values are lost", self._name, lost)
        now = self._clock.now()
        text = f"{self._name}: the server's queue overflowed"
        good = int(Quality.GOOD)
        event = Sample(COLLECTOR_EQUIPMENT, "$overflow", now, float(lost), text, good, now)
        await self._put(Delivery([event]))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

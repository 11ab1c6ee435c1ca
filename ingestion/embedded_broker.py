"""The demo's MQTT broker: in this process, on loopback, nothing kept on disk.

Enough for one laptop; a plant runs Mosquitto or another real broker. What it loses when it
dies the collectors send again.
"""

import asyncio
import logging
import signal

from amqtt.broker import Broker
from amqtt.errors import BrokerError

from takt.errors import TaktError
from takt.settings import Settings

log = logging.getLogger(__name__)

_END_WITHIN_S = 5.0
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


def run(settings: Settings) -> int:
    """Serve MQTT 3.1.1 on the broker's port of the loopback interface until SIGTERM or SIGINT.

    Raises:
        TaktError: The port is taken.
    """
    # It reports each message that a client was slow to acknowledge as an error with a trace.
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    asyncio.run(_serve(settings.broker.port))
    return 0


async def _serve(port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    address = f"127.0.0.1:{port}"
    broker = Broker(
        {"listeners": {"default": {"type": "tcp", "bind": address}}, "plugins": _PLUGINS}
    )
    try:
        await broker.start()
    except BrokerError as error:
        raise TaktError(f"no broker on {address}: {error}; set TAKT_BROKER__PORT") from error
    log.info("ready on %s", address)
    await stopping.wait()
    try:
        await asyncio.wait_for(broker.shutdown(), _END_WITHIN_S)
    except (TimeoutError, BrokerError) as error:
        log.warning("clients do not let go (%s); leaving anyway", type(error).__name__)

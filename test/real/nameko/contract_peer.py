"""A service of Nameko in the contract of events: it dispatches what it is told to, and handles beside the services of Node."""
import base64
import itertools

from kombu.serialization import register
from nameko.containers import ServiceContainer
from nameko.dependency_providers import Config
from nameko.events import BROADCAST, SERVICE_POOL, SINGLETON, EventDispatcher, event_handler
from nameko.rpc import rpc
from nameko.standalone.events import get_event_exchange

MODES = {"pool": SERVICE_POOL, "singleton": SINGLETON, "broadcast": BROADCAST}
# Of events that are no JSON.
RAW = {"bytes": "application/octet-stream", "image": "image/png", "csv": "text/csv"}
for serializer, content_type in RAW.items():
    register(serializer, encoder=None, decoder=lambda body: body, content_type=content_type)
ACCEPT = ["json"] + list(RAW)

numbers = itertools.count()
seen = {}


class DispatchAs(EventDispatcher):
    """In the name of any service, with properties of AMQP."""

    def get_dependency(self, worker_ctx):
        context = self.get_message_headers(worker_ctx)

        def dispatch(source, event_type, data, headers, properties):
            exchange = get_event_exchange(source, self.container.config)
            where = {"exchange": exchange, "routing_key": event_type, "declare": [exchange]}
            self.publisher.publish(data, extra_headers=dict(context, **headers), **where, **properties)

        return dispatch


def shown(payload):
    return {"base64": base64.b64encode(payload).decode()} if isinstance(payload, bytes) else payload


class ContractPeer(object):
    name = "contract_peer"

    dispatch = DispatchAs()
    config = Config()

    @rpc
    def emit(self, source, event_type, data, headers, properties):
        self.dispatch(source, event_type, data, headers, properties)

    @rpc
    def emit_bytes(self, source, event_type, data, headers, properties):
        self.dispatch(source, event_type, base64.b64decode(data), headers, properties)

    @rpc
    def handle(self, source, event_type, mode):
        """Starts a service with one handler. It runs until the process ends."""
        number = str(next(numbers))
        got = seen[number] = []

        def on_event(self, payload):
            got.append(shown(payload))

        options = {"handler_type": MODES[mode], "reliable_delivery": mode != "broadcast"}
        handler = event_handler(source, event_type, **options)(on_event)
        service = type("Beside", (object,), {"name": "beside", "on_event": handler})
        ServiceContainer(service, dict(self.config, ACCEPT=ACCEPT)).start()
        return number

    @rpc
    def seen(self, number):
        return seen[number]

"""A service of Nameko as its documentation writes them, with what the tests ask of it."""
import datetime
import decimal
import os
import uuid

import eventlet
from nameko.events import BROADCAST, SERVICE_POOL, SINGLETON, EventDispatcher, event_handler
from nameko.exceptions import MethodNotFound
from nameko.extensions import DependencyProvider
from nameko.rpc import RpcProxy, rpc

INSTANCE = os.environ.get("INSTANCE", "1")


class OutOfStock(Exception):
    pass


class Circular(object):
    pass


class ContextData(DependencyProvider):
    def get_dependency(self, worker_ctx):
        return worker_ctx.context_data


class GreetingService(object):
    name = "greeting_service"

    context = ContextData()
    dispatch = EventDispatcher()
    orders = RpcProxy("orders")
    nowhere = RpcProxy("nowhere")

    @rpc
    def hello(self, name, title=None):
        return "Hello, {}{}!".format("" if title is None else title + " ", name)

    @rpc
    def echo(self, *args, **kwargs):
        return {"args": args, "kwargs": kwargs}

    @rpc
    def fail(self, text):
        raise ValueError(text)

    @rpc
    def out_of_stock(self, sku, left):
        raise OutOfStock(sku, left)

    @rpc
    def unserializable(self):
        return Circular()

    @rpc
    def kinds(self):
        return {
            "at": datetime.datetime(2026, 11, 30, 8, 15),
            "day": datetime.date(2026, 11, 30),
            "price": decimal.Decimal("10.20"),
            "id": uuid.UUID("12345678123456781234567812345678"),
            "text": b"bytes",
            "none": None,
            "tuple": (1, 2),
        }

    @rpc
    def held(self, path):
        """Is in hand until the file is there, or its folder is gone."""
        while os.path.exists(os.path.dirname(path)) and not os.path.exists(path):
            eventlet.sleep(0.01)
        return INSTANCE

    @rpc
    def context_data(self):
        return self.context

    @rpc
    def relay(self, method, *args, **kwargs):
        """Calls the service of Node, and tells what came of it."""
        try:
            return {"result": getattr(self.orders, method)(*args, **kwargs)}
        except Exception as exc:
            kind = type(exc)
            return {
                "raised": "{}.{}".format(kind.__module__, kind.__name__),
                "exc_type": getattr(exc, "exc_type", None),
                "value": getattr(exc, "value", None),
                "text": str(exc),
                "args": list(map(str, exc.args)),
                "method_not_found": isinstance(exc, MethodNotFound),
            }

    @rpc
    def relay_unknown(self):
        return self.nowhere.hello()

    @rpc
    def emit(self, event_type, data):
        self.dispatch(event_type, data)


    @rpc
    def emit_kinds(self, event_type):
        self.dispatch(event_type, self.kinds())


class Listener(object):
    """Handles what the service of Node emits, and says so in an event of its own."""

    name = "listener"

    context = ContextData()
    dispatch = EventDispatcher()

    def tell(self, mode, payload):
        self.dispatch(mode, {"instance": INSTANCE, "payload": payload, "context": self.context})

    @event_handler("orders", "pooled", handler_type=SERVICE_POOL)
    def on_pooled(self, payload):
        self.tell("pool_told", payload)

    @event_handler("orders", "single", handler_type=SINGLETON)
    def on_single(self, payload):
        self.tell("singleton_told", payload)

    @event_handler("orders", "spread", handler_type=BROADCAST, reliable_delivery=False)
    def on_spread(self, payload):
        self.tell("broadcast_told", payload)


class Billing(object):
    """One half of a pool whose other half is Node: the queue is the same."""

    name = "billing"

    dispatch = EventDispatcher()

    @event_handler("orders", "created")
    def on_created(self, payload):
        self.dispatch("billed", {"by": "python", "payload": payload})

"""Calls and emits as a script with Nameko's standalone proxies does: a line of JSON for each order, and one for each answer."""
import json
import sys

import eventlet

eventlet.monkey_patch()

from nameko.exceptions import RpcTimeout  # noqa: E402
from nameko.standalone.events import event_dispatcher  # noqa: E402
from nameko.standalone.rpc import ClusterRpcProxy  # noqa: E402

config = {"AMQP_URI": sys.argv[1]}


def call(order):
    with ClusterRpcProxy(config, context_data=order.get("context"), timeout=order.get("timeout", 10)) as cluster:
        service = cluster[order["service"]]
        method = getattr(service, order["method"])
        times = order.get("parallel")
        if times is None:
            return method(*order.get("args", []), **order.get("kwargs", {}))
        replies = [method.call_async(n) for n in range(times)]
        return [reply.result() for reply in replies]


def emit(order):
    event_dispatcher(config, headers=order.get("headers", {}))(order["service"], order["type"], order["data"])


for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = {"result": (emit if "type" in order else call)(order)}
    except Exception as exc:
        kind = type(exc)
        answer = {
            "raised": "{}.{}".format(kind.__module__, kind.__name__),
            "exc_type": getattr(exc, "exc_type", None),
            "value": getattr(exc, "value", None),
            "text": str(exc),
            "args": [str(arg) for arg in exc.args],
        }
    print(json.dumps(answer), flush=True)

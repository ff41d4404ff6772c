"""A Flask service of ultra-paas-sidecar, which this library is the Node counterpart of. The same protocol as peer.py;
arguments: server, the service's name, the data id of its shared config."""
import asyncio
import json
import os
import sys
import threading

OUT = sys.stdout
sys.stdout = sys.stderr

from flask import Flask  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

SERVER, SERVICE, DATA_ID = sys.argv[1:4]

app = Flask(__name__)


@app.route("/hello/<name>")
def hello(name):
    return {"from": "ultra", "name": name}


http = make_server("127.0.0.1", 0, app, threaded=True)
with open("bootstrap.yml", "w", encoding="utf-8") as file:
    file.write(
        f"""
server:
  port: {http.server_port}
application:
  name: {SERVICE}
profiles:
  active: dev
auth:
  enabled: false
cloud:
  nacos:
    discovery:
      server-addr: {SERVER}
      ip: 127.0.0.1
    config:
      server-addr: {SERVER}
      file-extension: yml
      shared-configs:
        - {DATA_ID}
"""
    )

import ultra_pass_sidecar  # noqa: E402
from ultra_pass_sidecar import config_remote, feign, get, init_sidecar, stop_sidecar  # noqa: E402

init_sidecar(app)
threading.Thread(target=http.serve_forever, daemon=True).start()


def perform(r):
    if r["op"] == "ready":
        return "UP"
    if r["op"] == "port":
        return http.server_port
    if r["op"] == "value":
        return config_remote(r["key"], None)
    if r["op"] == "call":

        @feign(r["service"])
        class Client:
            @get("/hello/{name}")
            async def hello(self, name: str):
                pass

        return asyncio.run(Client().hello(r["name"]))
    if r["op"] == "leave":
        # Its stop awaits the heartbeat, a task of another event loop, which fails before it deregisters (0.1.67).
        ultra_pass_sidecar._nacos_client.running = False
        ultra_pass_sidecar._nacos_client.heartbeat_task = None
        return asyncio.run(stop_sidecar())
    raise ValueError(f"unknown op {r['op']}")


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"id": request["id"], "value": perform(request)}
    except Exception as error:
        answer = {"id": request["id"], "error": repr(error)}
    OUT.write(json.dumps(answer, ensure_ascii=False, default=str) + "\n")
    OUT.flush()
os._exit(0)

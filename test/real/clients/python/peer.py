"""A Python service in the same mesh, over the official nacos-sdk-python 2 or 3 (gRPC). One JSON object a line in
({"id": 1, "op": "instances", ...}), {"id": 1, "value": ...} or {"id": 1, "error": "..."} out, {"event": ...} for a push."""
import asyncio
import json
import os
import sys

# The SDK logs to files below the home folder; the protocol keeps stdout for itself.
OUT = sys.stdout
sys.stdout = sys.stderr

from v2.nacos import (  # noqa: E402
    ClientConfigBuilder,
    ConfigParam,
    DeregisterInstanceParam,
    GRPCConfig,
    ListInstanceParam,
    NacosConfigService,
    NacosNamingService,
    RegisterInstanceParam,
    SubscribeServiceParam,
)


def say(message):
    OUT.write(json.dumps(message, ensure_ascii=False) + "\n")
    OUT.flush()


def plain(instances):
    return [
        {"ip": i.ip, "port": i.port, "weight": i.weight, "healthy": i.healthy, "metadata": i.metadata}
        for i in instances
    ]


class Peer:
    async def open(self, server, username, password):
        home = os.getcwd()
        builder = (
            ClientConfigBuilder()
            .server_address(server)
            # Version 2 says '' else, which gRPC takes for a namespace of its own (seen on Nacos 2.2.4 too).
            .namespace_id("public")
            .username(username)
            .password(password)
            .log_dir(home)
            .cache_dir(home)
            .load_cache_at_start(False)
            .grpc_config(GRPCConfig(grpc_timeout=5000))
        )
        config = builder.build()
        self.naming = await NacosNamingService.create_naming_service(config)
        self.config = await NacosConfigService.create_config_service(config)

    async def perform(self, r):
        op = r["op"]
        if op == "ready":
            return "UP" if await self.naming.server_health() else "DOWN"
        if op == "register":
            return await self.naming.register_instance(
                RegisterInstanceParam(
                    service_name=r["service"], group_name=r["group"], ip="127.0.0.1", port=r["port"],
                    weight=r.get("weight", 1.0), metadata=r.get("metadata", {}), ephemeral=True,
                )
            )
        if op == "leave":
            return await self.naming.deregister_instance(
                DeregisterInstanceParam(service_name=r["service"], group_name=r["group"], ip="127.0.0.1", port=r["port"])
            )
        if op == "instances":
            return plain(
                await self.naming.list_instances(
                    ListInstanceParam(service_name=r["service"], group_name=r["group"], subscribe=False, healthy_only=None)
                )
            )
        if op == "subscribe":

            async def heard(instances):
                say({"event": "instances", "service": r["service"], "instances": plain(instances)})

            await self.naming.subscribe(
                SubscribeServiceParam(service_name=r["service"], group_name=r["group"], subscribe_callback=heard)
            )
            return True
        key = {"data_id": r["dataId"], "group": r["group"]}
        if op == "config":
            return await self.config.get_config(ConfigParam(**key))
        if op == "publish":
            return await self.config.publish_config(ConfigParam(**key, content=r["content"]))
        if op == "remove":
            return await self.config.remove_config(ConfigParam(**key))
        if op == "listen":

            async def changed(tenant, group, data_id, content):
                say({"event": "config", "dataId": data_id, "content": content})

            await self.config.add_listener(r["dataId"], r["group"], changed)
            return True
        raise ValueError(f"unknown op {op}")


async def main():
    peer = Peer()
    await peer.open(sys.argv[1], *(sys.argv[2:4] if len(sys.argv) > 3 else ("", "")))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        try:
            say({"id": request["id"], "value": await peer.perform(request)})
        except Exception as error:  # whatever the SDK throws is the answer
            say({"id": request["id"], "error": repr(error)})
    # The parent is gone or done; the threads of the SDK would keep the process.
    os._exit(0)


asyncio.run(main())

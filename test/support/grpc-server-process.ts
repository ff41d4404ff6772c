/** A scripted server in its own process, so that SIGSTOP hits it alone. */
import { host, startScriptedServer } from './scripted-grpc-server.js'

const server = await startScriptedServer()
server.setHosts('users', [host(8001)])
process.send!({ type: 'listening', port: server.port })

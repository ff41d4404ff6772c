import { pushContract } from '../../contract/suites/push.js'
import { onServer } from '../support/on-server.js'

for (const id of ['given', 'rnacos', 'rnacos-auth', 'nacos', 'nacos-auth'] as const) {
  onServer(id, (target) => pushContract(target, 'push'), { has: 'grpc', lack: 'has no gRPC port (HTTP port + 1000)' })
}

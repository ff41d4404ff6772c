import { afterAll, beforeAll, describe } from 'vitest'
import { eventContract, type ContractBroker } from '../support/event-contract.js'
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js'
import { rabbitmqPrograms, startRabbitmq, type Rabbitmq } from './servers/rabbitmq.js'
import { amqpContractBroker } from './support/amqp-contract.js'
import { cannotBeHad } from './support/on-server.js'
import { missingOf } from './support/setup.js'

const missing = await rabbitmqPrograms().then(() => undefined, missingOf)

describe('RabbitMQ', () => {
  if (missing) return cannotBeHad(missing)
  let rabbitmq: Rabbitmq
  let proxy: FaultProxy
  let broker: ContractBroker
  beforeAll(async () => {
    rabbitmq = await startRabbitmq()
    proxy = await startFaultProxy({ port: rabbitmq.port })
    broker = amqpContractBroker(rabbitmq, proxy)
  })
  afterAll(async () => {
    await proxy.close()
    await rabbitmq.stop()
  })

  eventContract('RabbitMQ', () => broker)
})

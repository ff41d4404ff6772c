import { afterAll, beforeAll } from 'vitest'
import { eventContract } from '../support/event-contract.js'
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js'
import { amqpContractBroker } from './support/amqp-contract.js'
import { besideNameko, type NodeService } from './support/beside-nameko.js'
import { namekoPeer } from './support/nameko-peer.js'

besideNameko('the contract of events with Nameko 2.14.1', ['contract_peer:ContractPeer'], (beside) => {
  let proxy: FaultProxy
  let asking: NodeService
  beforeAll(async () => {
    proxy = await startFaultProxy({ port: beside.rabbitmq.port })
    asking = await beside.run('asking')
  })
  afterAll(async () => {
    await asking.sidecar.stop({ drain: false })
    await proxy.close()
  })

  const peer = namekoPeer(
    () => asking.nameko,
    () => beside.rabbitmq.url,
  )
  const broker = () => ({ ...amqpContractBroker(beside.rabbitmq, proxy), send: peer.send })
  eventContract('RabbitMQ, emitted by Nameko', broker, peer)
})

import { expect, onTestFinished, test } from 'vitest'
import { createGrpcLink } from '../../../../src/nacos/grpc/link.js'
import { createUpdateModeSwitch } from '../../../../src/nacos/updates/update-mode.js'
import { connectionOf } from '../../../../src/settings/connection.js'
import { collectLog } from '../../../support/collect.js'
import { registrySettings } from '../../../support/transport.js'

test('says that gRPC is about to be tried where it is not known yet on which port', () => {
  const logger = collectLog()
  const { cloud } = registrySettings('127.0.0.1:1')
  const push = createUpdateModeSwitch({
    openLink: () => createGrpcLink({ ...connectionOf(cloud.nacos, 'discovery'), logger }),
    onMode() {},
    onRestored() {},
    pullName: () => 'http long poll',
    logger,
  })
  onTestFinished(() => push.close())
  push.activate()
  expect(push.reason()).toBe('http long poll: the registry has not answered yet')
  push.open()
  expect(push.reason()).toBe('http long poll: gRPC is about to be tried')
})

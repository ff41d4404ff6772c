/** `nacos-sidecar/testing`: what the tests of your own service need. Real sockets, no mocks but your own fakes. */

export {
  startTestRegistry,
  type DevServer,
  type DevServerOptions,
  type Stub,
  type StubOptions,
  type TestRegistry,
} from './testing/registry.js'
export type { TestEvent, TestEvents, TestWaitOptions } from './testing/events.js'
export { fakeClient, type FakeClient, type FakeMethods } from './testing/fake-client.js'
export type { FireOptions, TestKit } from './testing/kit.js'

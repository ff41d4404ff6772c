import type { HttpAdapterHost } from '@nestjs/core'
import type { Sidecar } from '../sidecar.js'

/**
 * A Nest app as its modules can know it: they are made before it. To the adapter for Nest it is the app; what that puts
 * before its `prepareClose` and after its `close`, the hooks of `SidecarModule` call.
 */
export class ModuleApp {
  #left: Promise<void> | undefined

  constructor(private readonly host: HttpAdapterHost) {
    // Nest 12 tells its platform here that it closes: not before the drain is over. Nest 11 has only its hooks.
    this.onHttpAdapter(() => {
      const platform = host.httpAdapter as { beforeClose?(): unknown }
      const { beforeClose } = platform
      if (typeof beforeClose !== 'function') return
      platform.beforeClose = async () => {
        await this.leave()
        return beforeClose.call(platform)
      }
    })
  }

  /** `undefined` in an app that serves no HTTP, and in a testing module before `createNestApplication()`. */
  getHttpAdapter(): HttpAdapterHost['httpAdapter'] | undefined {
    return this.host.httpAdapter
  }

  getHttpServer(): unknown {
    return this.getHttpAdapter()?.getHttpServer() as unknown
  }

  /** Calls back once there is an HTTP adapter, at once where it is there; never in an app without HTTP. */
  onHttpAdapter(callback: () => void): void {
    this.host.init$.subscribe(() => {
      if (this.getHttpAdapter()) callback()
    })
  }

  /** Uses the sidecar of a process that had one before the app. */
  adopt(sidecar: Sidecar): void {
    this.prepareClose = () => sidecar.stop(sidecar.status().phase === 'leaving' ? {} : { drain: false })
  }

  /** Settles when Nest may begin to close. */
  leave(): Promise<void> {
    return (this.#left ??= this.prepareClose())
  }

  async prepareClose(): Promise<void> {}

  async close(): Promise<void> {}
}

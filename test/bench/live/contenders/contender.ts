/** The clients that are measured. */
export type ContenderName = 'oursGrpc' | 'oursHttp' | 'npmNacos' | 'bareGrpc'

export const CONTENDERS: Readonly<Record<ContenderName, string>> = {
  oursGrpc: 'ours, gRPC push',
  oursHttp: 'ours, HTTP',
  npmNacos: 'npm nacos',
  bareGrpc: 'bare gRPC (the server alone)',
}

/** In every scenario; the bare client is a yardstick for one. */
export const EVERYWHERE: readonly ContenderName[] = ['oursGrpc', 'oursHttp', 'npmNacos']

export interface OpenOptions {
  /** `host:port` */
  readonly server: string
  /** Where push is looked for. @default the HTTP port + 1000 */
  readonly grpcPort?: number
  /** Data ids that are followed from the start; each holds `<key>: <value>`, its key being the data id without `.yml`. */
  readonly documents: readonly string[]
  /** Registers an instance of its own under this name, and keeps it alive. */
  readonly joinAs?: string
}

/** A member of the mesh, as a program has it with that library. */
export interface Contender {
  /** Registers an instance on 127.0.0.1; settles with the registry's answer. */
  register(service: string, port: number): Promise<void>
  /** Calls back with the ports of the service, now and at each change. */
  follow(service: string, listener: (ports: readonly number[]) => void): void
  publish(dataId: string, value: string): Promise<void>
  /** Calls back with the value of a followed document at each change. */
  listen(dataId: string, listener: (value: string) => void): void
  /** Why it is not what its name says, where it is not; asked once it has followed something. */
  lacking(): string | undefined
}

export const keyOf = (dataId: string): string => dataId.replace(/\.yml$/, '')

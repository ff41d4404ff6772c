import type { Contender, ContenderName, OpenOptions } from './contender.js'

/** Loads nothing but the library it is about: memory is measured too. */
export async function openContender(name: ContenderName, options: OpenOptions): Promise<Contender> {
  if (name === 'npmNacos') return (await import('./npm-nacos.js')).openNpmNacos(options)
  if (name === 'bareGrpc') return (await import('./bare-grpc.js')).openBareGrpc(options)
  return (await import('./ours.js')).openOurs(name === 'oursGrpc' ? 'auto' : 'off', options)
}

import type { Contender, ContenderName, OpenOptions } from './contender.js'

/** Loads nothing of the others: each is measured in a process of its own. */
export async function open(name: ContenderName, options: OpenOptions): Promise<Contender> {
  if (name === 'ours') return (await import('./ours.js')).openOurs(options)
  if (name === 'oursUnobserved') return (await import('./ours.js')).openOurs(options, 'off')
  if (name === 'oursObserved') return (await import('./ours.js')).openOurs(options, 'all')
  if (name.startsWith('pool') || name === 'undiciRequest') {
    const undici = await import('./undici.js')
    if (name === 'poolDispatch') return undici.openPoolDispatch(options)
    if (name === 'poolRequest') return undici.openPoolRequest(options)
    if (name === 'poolRequestSameHeaders') return undici.openPoolRequestSameHeaders(options)
    return undici.openUndiciRequest(options)
  }
  const others = await import('./others.js')
  if (name === 'nodeHttp') return others.openNodeHttp(options)
  if (name === 'axios') return others.openAxios(options)
  if (name === 'fetch') return others.openFetch(options)
  return others.openNpmNacosAxios(options)
}

import type { Params } from './body.js'
import { isBlank, paramFault } from './param-check.js'
import type { NamedParams } from './param-check.js'
import { JSON_UTF8, Refusal } from './reply.js'
import type { Call, Handler, Routes } from './router.js'

/** What of a request is checked before its handler sees it. */
export type Named = (call: Call) => readonly NamedParams[]

/** Nacos's parameter filter, in front of every handler of these routes. */
export function checked(routes: Routes, named: Named): Routes {
  return Object.fromEntries(Object.entries(routes).map(([key, handler]) => [key, checkedHandler(named, handler)]))
}

export function checkedHandler(named: Named, handler: Handler): Handler {
  return (call) => {
    for (const params of named(call)) {
      const fault = paramFault(params)
      if (fault) throw new Refusal(illegal(fault, call.path))
    }
    return handler(call)
  }
}

/** A filter writes past Spring: no media type, where the config API has not set one already. */
function illegal(fault: string, path: string) {
  return { status: 400, body: `${fault}\r\n`, ...(path.startsWith('/nacos/v1/cs/') && { type: JSON_UTF8 }) }
}

/** The first that is not blank. */
function firstOf(params: Params, ...names: string[]): string | undefined {
  return names.map((name) => params.get(name)).find((value) => !isBlank(value))
}

/** Service and group, taken from `group@@name` where that is given. */
export function serviceNames(params: Params): NamedParams {
  const serviceName = firstOf(params, 'serviceName', 'serviceNameParam')?.trim()
  const group = firstOf(params, 'groupName', 'groupNameParam')
  const at = serviceName?.indexOf('@@') ?? -1
  if (serviceName === undefined || at < 0) return { serviceName, group }
  return { group: serviceName.slice(0, at), serviceName: serviceName.slice(at + 2) }
}

/** @param metadataOf refuses metadata that cannot be read. */
export function instanceNames(metadataOf: (call: Call) => Readonly<Record<string, string>>): Named {
  return (call) => {
    const { params } = call
    const metadata = metadataOf(call)
    return [
      {
        ...serviceNames(params),
        namespaceId: params.get('namespaceId'),
        cluster: firstOf(params, 'clusterName', 'cluster'),
        ip: params.get('ip'),
        port: firstOf(params, 'port', 'checkPort'),
        metadata,
      },
    ]
  }
}

export function listNames({ params }: Call): NamedParams[] {
  const clusters = firstOf(params, 'clusters')
  return [{ ...serviceNames(params), namespaceId: params.get('namespaceId'), clusters }]
}

export function configNames({ params }: Call): NamedParams[] {
  return [
    {
      namespaceId: firstOf(params, 'namespaceId', 'tenant', 'namespace'),
      dataId: params.get('dataId'),
      group: firstOf(params, 'groupName', 'group'),
      ip: params.get('ip'),
    },
  ]
}

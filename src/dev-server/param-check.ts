/** What a request names. A field that is absent or blank is not checked: whether it must be there is the handler's affair. */
export interface NamedParams {
  readonly namespaceId?: string
  readonly dataId?: string
  readonly serviceName?: string
  readonly group?: string
  /** Several, separated by commas. */
  readonly clusters?: string
  readonly cluster?: string
  readonly ip?: string
  readonly port?: string
  readonly metadata?: Readonly<Record<string, string>>
}

interface TextRule {
  /** As Nacos calls the field in its answer. */
  readonly name: string
  readonly longest: number
  readonly allowed: RegExp
}

const MAX_PORT = 65_535
/** Characters of all keys and values together. */
const LONGEST_METADATA = 1_024

const NAMESPACE: TextRule = { name: 'namespaceId/tenant', longest: 64, allowed: /^[\w-]+$/ }
const DATA_ID: TextRule = { name: 'dataId', longest: 256, allowed: /^[\w.:-]+$/ }
// Anything but white space, Chinese and `@@`; the first character only must not be an `@`, as in Nacos.
const SERVICE: TextRule = {
  name: 'serviceName',
  longest: 512,
  allowed: /^[^@\n\r](?:(?!@@)[^\u4e00-\u9fa5 \t\n\v\f\r])*$/u,
}
const GROUP: TextRule = { name: 'group', longest: 128, allowed: /^[\w.:-]+$/ }
const CLUSTER: TextRule = { name: 'cluster', longest: 64, allowed: /^[\w-]+$/ }
const IP: TextRule = { name: 'ip', longest: 128, allowed: /^[^\u4e00-\u9fa5 \t\n\v\f\r]*$/ }

/**
 * The checks that Nacos 2.3 and later make before any handler, for every API alike.
 *
 * @returns what is wrong with the first parameter that is, in Nacos's words.
 */
export function paramFault(params: NamedParams): string | undefined {
  return (
    textFault(params.namespaceId, NAMESPACE) ??
    textFault(params.dataId, DATA_ID) ??
    textFault(params.serviceName, SERVICE) ??
    textFault(params.group, GROUP) ??
    clustersFault(params.clusters) ??
    textFault(params.cluster, CLUSTER) ??
    textFault(params.ip, IP) ??
    portFault(params.port) ??
    metadataFault(params.metadata)
  )
}

export function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === ''
}

function textFault(value: string | undefined, { name, longest, allowed }: TextRule): string | undefined {
  if (value === undefined || isBlank(value)) return undefined
  if (value.length > longest) return tooLong(name, longest)
  return allowed.test(value)
    ? undefined
    : `Param '${name}' is illegal, illegal characters should not appear in the param.`
}

function clustersFault(clusters: string | undefined): string | undefined {
  if (clusters === undefined || isBlank(clusters)) return undefined
  for (const cluster of clusters.split(',')) {
    const fault = textFault(cluster, CLUSTER)
    if (fault) return fault
  }
  return undefined
}

function portFault(port: string | undefined): string | undefined {
  if (port === undefined || isBlank(port)) return undefined
  // Java's Integer.parseInt.
  const number = /^[+-]?\d{1,10}$/.test(port) ? Number(port) : -1
  return number >= 0 && number <= MAX_PORT
    ? undefined
    : `Param 'port' is illegal, the value should be between 0 and ${MAX_PORT}.`
}

function metadataFault(metadata: Readonly<Record<string, string>> = {}): string | undefined {
  let length = 0
  for (const [key, value] of Object.entries(metadata)) {
    if (!isBlank(key)) length += key.length
    if (!isBlank(value)) length += value.length
  }
  return length > LONGEST_METADATA ? tooLong('Metadata', LONGEST_METADATA) : undefined
}

function tooLong(name: string, longest: number): string {
  return `Param '${name}' is illegal, the param length should not exceed ${longest}.`
}

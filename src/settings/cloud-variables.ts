import type { Environment } from '../properties/environment.js'
import { documentPath, type PropertyPath } from '../properties/path.js'

/** A setting by a variable of Alibaba Cloud. */
export interface CloudVariable {
  /** Below `cloud.nacos`: of services, of configs and of both. */
  readonly paths: readonly PropertyPath[]
  readonly name: string
  readonly text: string
}

/**
 * What Alibaba Cloud sets for the Java client (`ALIBABA_ALIWARE_…`) and for nacos-serving-python (`ALIBABA_ACCESS_KEY`,
 * `ALIBABA_SECRET_KEY`). As there, they are stronger than files, and weaker than every other variable.
 */
export function cloudVariables(environment: Environment): CloudVariable[] {
  const textOf = (name: string) => environment.lookup([name])?.text.trim() ?? ''
  const found: CloudVariable[] = []
  const add = (key: string, name: string, text: string) => {
    const paths = ['', 'discovery.', 'config.'].map((section) => documentPath(`cloud.nacos.${section}${key}`))
    if (text !== '') found.push({ paths, name, text })
  }
  add('namespace', 'ALIBABA_ALIWARE_NAMESPACE', textOf('ALIBABA_ALIWARE_NAMESPACE'))
  const endpoint = textOf('ALIBABA_ALIWARE_ENDPOINT_URL')
  const port = textOf('ALIBABA_ALIWARE_ENDPOINT_PORT')
  // The Java client wants a name without a port there.
  const needsPort = port !== '' && !/:\d+(?:\/|$)|^https?:\/\//i.test(endpoint)
  add('endpoint', 'ALIBABA_ALIWARE_ENDPOINT_URL', endpoint !== '' && needsPort ? `${endpoint}:${port}` : endpoint)
  const [accessKey, secretKey] = [textOf('ALIBABA_ACCESS_KEY'), textOf('ALIBABA_SECRET_KEY')]
  if (accessKey !== '' && secretKey !== '') {
    add('access-key', 'ALIBABA_ACCESS_KEY', accessKey)
    add('secret-key', 'ALIBABA_SECRET_KEY', secretKey)
  }
  return found
}

import { fileURLToPath } from 'node:url'
import { mavenClassPath } from './maven.js'

const SOURCES = fileURLToPath(new URL('../spring', import.meta.url))

/** The class path of the Spring app that says its values, for this Spring Cloud Alibaba; built on first use. */
export function buildSpringRecorder(alibaba: string): Promise<string> {
  return mavenClassPath(SOURCES, `sca-${alibaba}`)
}

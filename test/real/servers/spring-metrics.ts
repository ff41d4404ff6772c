import { fileURLToPath } from 'node:url'
import { mavenClassPath } from './maven.js'

const SOURCES = fileURLToPath(new URL('../spring-metrics', import.meta.url))

/** The class path of the Spring app with Micrometer's Prometheus registry; built on first use. */
export function buildSpringMetrics(): Promise<string> {
  return mavenClassPath(SOURCES)
}

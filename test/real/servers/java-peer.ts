import { fileURLToPath } from 'node:url'
import { mavenClassPath } from './maven.js'

const SOURCES = fileURLToPath(new URL('../java', import.meta.url))

/**
 * The class path of the Java neighbour, built on first use.
 *
 * @param profile `client3` for the nacos-client of Nacos 3
 */
export function buildJavaPeer(profile?: string): Promise<string> {
  return mavenClassPath(SOURCES, profile)
}

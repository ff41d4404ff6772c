import { fileURLToPath } from 'node:url'
import { mavenClassPath } from './maven.js'

const SOURCES = fileURLToPath(new URL('../java', import.meta.url))

/** The class path of the Java neighbour, built on first use. */
export function buildJavaPeer(): Promise<string> {
  return mavenClassPath(SOURCES)
}

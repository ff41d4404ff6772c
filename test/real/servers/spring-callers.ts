import { fileURLToPath } from 'node:url'
import { mavenClassPath } from './maven.js'

const SOURCES = fileURLToPath(new URL('../spring-callers', import.meta.url))

/** The class path of OpenFeign and Spring Cloud Gateway as callers, built on first use. */
export function buildSpringCallers(): Promise<string> {
  return mavenClassPath(SOURCES)
}

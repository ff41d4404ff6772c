import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type * as nacosSidecar from '../../../src/index.js'

type Package = typeof nacosSidecar

/** Where the built package lies; the parent says so to its children, which lie elsewhere. */
export function builtPackage(): string {
  return pathToFileURL(join(fileURLToPath(new URL('../../..', import.meta.url)), 'dist', 'index.js')).href
}

/**
 * The package as its users get it.
 *
 * @param build URL of another build of it
 */
export function importPackage(build = process.env['BENCH_PACKAGE']!): Promise<Package> {
  return import(build) as Promise<Package>
}

export const silent = { debug() {}, info() {}, warn() {}, error() {} }

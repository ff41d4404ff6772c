import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { Command } from 'commander'
import { SidecarError } from '../errors.js'
import { nameOf, serverAddresses } from './arguments.js'
import { nameFault } from './nacos-names.js'

interface InitFlags {
  readonly name?: string
  readonly nacosServer: string
  readonly namespace?: string
}

const FILE = 'bootstrap.yml'
/** Any of them is a configuration already. */
const OTHERS = ['bootstrap.yaml', 'bootstrap.properties', 'nacos.yaml', 'nacos.yml']

/** `nacos-sidecar init`: a bootstrap.yml to begin with. */
export function initCommand(): Command {
  return new Command('init')
    .description('Write a bootstrap.yml to begin with. It replaces no file.')
    .option('--name <name>', 'name of the service (default: the name in package.json)', nameOf('service'))
    .option('--nacos-server <host:port>', 'address of Nacos', serverAddresses, '127.0.0.1:8848')
    .option('--namespace <id>', 'namespace id', nameOf('namespace'))
    .action((flags: InitFlags) => {
      const folder = process.cwd()
      const there = [FILE, ...OTHERS].find((file) => existsSync(join(folder, file)))
      if (there !== undefined) throw invalid(`${there} is there already`)
      writeFileSync(join(folder, FILE), bootstrapOf(folder, flags), { flag: 'wx' })
      console.log(
        [
          `Wrote ${FILE}. Next:`,
          '  npx nacos-sidecar dev                 a registry for development, if you have no Nacos',
          '  npx nacos-sidecar run --dry-run       what would be registered',
          '  npx nacos-sidecar run app.js          or initSidecar(app) in the code of the app',
        ].join('\n'),
      )
    })
}

function bootstrapOf(folder: string, { name = nameIn(folder), nacosServer, namespace }: InitFlags): string {
  if (nameFault('service', name) !== undefined) throw invalid(`"${name}" is not a service name: give one with --name`)
  return [
    '# yaml-language-server: $schema=node_modules/nacos-sidecar/bootstrap.schema.json',
    'spring:',
    '  application:',
    `    name: ${JSON.stringify(name)}`,
    '  cloud:',
    '    nacos:',
    `      server-addr: ${JSON.stringify(nacosServer)}`,
    ...(namespace === undefined ? [] : [`      namespace: ${JSON.stringify(namespace)}`]),
    '      # username: nacos',
    '      # password: ${NACOS_PASSWORD}',
    '      config:',
    '        file-extension: yml',
    '',
  ].join('\n')
}

function nameIn(folder: string): string {
  try {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }
    if (typeof name === 'string' && name !== '') return name.replace(/^@[^/]*\//, '')
  } catch {
    // The folder has the next best name.
  }
  return basename(resolve(folder))
}

function invalid(message: string): SidecarError {
  return new SidecarError('SIDECAR_SETTINGS_INVALID', message)
}

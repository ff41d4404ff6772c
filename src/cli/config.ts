import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { formatPath, parsePath } from '../properties/path.js'
import { masked } from '../properties/secrets.js'
import type { PropertyOrigin } from '../properties/explain.js'
import { connectionOf } from '../settings/connection.js'
import type { Sidecar } from '../sidecar.js'
import { printable } from '../util/printable.js'
import { nameOf } from './arguments.js'
import { checkDocument } from './check-document.js'
import { asGuest, withGuestOptions, WITHOUT_DOCUMENTS, type GuestFlags } from './guest.js'
import { interrupted } from './interrupted.js'
import { nameFault } from './nacos-names.js'
import { placeOf, showConfig } from './show.js'
import { formatTable } from './table.js'
import { UsageError } from './usage-error.js'

/** `nacos-sidecar config`: what is here, and what is in Nacos. */
export function configCommand(): Command {
  return new Command('config')
    .description('Look at the configuration here and in Nacos, and publish documents.')
    .addCommand(
      new Command('show')
        .description('Print every setting and where it comes from, secrets masked. Needs no Nacos.')
        .option('--config <file>', 'bootstrap.yml or nacos.yaml, or its folder')
        .option('--json', 'as JSON')
        .action(({ json = false, config }: GuestFlags) => console.log(showConfig({ json, config }))),
    )
    .addCommand(getCommand())
    .addCommand(explainCommand())
    .addCommand(watchCommand())
    .addCommand(setCommand())
}

interface GetFlags extends GuestFlags {
  readonly document?: boolean
}

const TYPES = ['yaml', 'json', 'properties', 'text', 'xml', 'html']

function getCommand(): Command {
  return withGuestOptions(
    new Command('get')
      .description('Print the value of a key, of all sources; exit code 1 if it has none. Secrets are not masked.')
      .argument('<key>', 'key, or data id with --document')
      .option('--document', 'print a document of Nacos as it is'),
  ).action((key: string, flags: GetFlags) => {
    if (!flags.document) return asGuest(flags, groupOf(flags), (sidecar) => printValue(sidecar, key, flags))
    const fault = nameFault('dataId', key)
    if (fault !== undefined) throw new UsageError(fault)
    const settings = { ...groupOf(flags), ...WITHOUT_DOCUMENTS }
    return asGuest(flags, settings, (sidecar) => printDocument(sidecar, key, flags))
  })
}

async function printDocument({ nacos, settings }: Sidecar, dataId: string, { json }: GuestFlags): Promise<void> {
  const { namespace } = connectionOf(settings.cloud.nacos, 'config')
  const item = await nacos.getConfig({ namespace, group: settings.cloud.nacos.config.group, dataId })
  if (item === undefined) return missing(`${dataId} is not in Nacos`)
  if (json) console.log(JSON.stringify(item, undefined, 2))
  else process.stdout.write(item.content.endsWith('\n') ? item.content : `${item.content}\n`)
}

async function printValue(sidecar: Sidecar, key: string, { json }: GuestFlags): Promise<void> {
  await loaded(sidecar)
  const value = sidecar.config.get(key)
  if (value === undefined) return missing(`${key} has no value`)
  const plain = typeof value === 'object' || json
  console.log(plain ? JSON.stringify(value, undefined, 2) : String(value))
}

function explainCommand(): Command {
  return withGuestOptions(
    new Command('explain')
      .description('Print the value of a key, its source, and the values that it hides; secrets masked.')
      .argument('<key>', 'such as db.pool'),
  ).action((key: string, flags: GuestFlags) =>
    asGuest(flags, groupOf(flags), async (sidecar) => {
      await loaded(sidecar)
      const explained = sidecar.config.explain(key)
      if (explained.origin === undefined) process.exitCode = 1
      if (flags.json) return console.log(JSON.stringify(explained, undefined, 2))
      if (explained.origin === undefined) return missing(`${key} has no value`)
      const row = (value: unknown, origin: PropertyOrigin) => [JSON.stringify(value), origin.layer, placeOf(origin)]
      const rows = [
        row(explained.value, explained.origin),
        ...explained.shadows.map((shadow) => row(shadow.value, shadow)),
      ]
      console.log(formatTable(['value', 'layer', 'from'], rows))
    }),
  )
}

function watchCommand(): Command {
  return withGuestOptions(
    new Command('watch')
      .description('Print each change of a key, or of all keys below it, until Ctrl-C; secrets masked.')
      .argument('[key]', 'without one, every key', ''),
  ).action((key: string, flags: GuestFlags) =>
    asGuest(flags, { ...groupOf(flags), 'sidecar.refresh-all': true }, async (sidecar) => {
      await loaded(sidecar)
      const pattern = key === '' ? '*' : `${key}.*`
      const print = (change: { key: string; value: unknown; previous: unknown }) => {
        const path = parsePath(change.key)
        const [previous, value] = [masked(path, change.previous), masked(path, change.value)]
        if (flags.json) return console.log(JSON.stringify({ key: change.key, previous, value }))
        const shown = (one: unknown) => (one === undefined ? 'unset' : printable(JSON.stringify(one)))
        console.log(`${printable(formatPath(path))}: ${shown(previous)} → ${shown(value)}`)
      }
      sidecar.config.on(pattern, print)
      if (key !== '') sidecar.config.on(key, (change) => typeof change.value !== 'object' && print({ ...change, key }))
      if (!flags.json) console.log(`Watching ${key === '' ? 'all keys' : printable(key)}. Ctrl-C ends it.`)
      await interrupted()
    }),
  )
}

interface SetFlags extends GuestFlags {
  readonly type?: string
  readonly cas?: string
  readonly check: boolean
}

function setCommand(): Command {
  return withGuestOptions(
    new Command('set')
      .description('Publish a document in Nacos.')
      .argument('<data-id>', 'its name, such as application-dev.yml', nameOf('dataId'))
      .argument('<file>', 'its content; - is the standard input')
      .addOption(new Option('--type <type>', 'of the document (default: by the data id)').choices(TYPES))
      .option('--no-check', 'publish it although it cannot be read as what it is')
      .option('--cas <md5>', 'only if the stored one has this MD5; exit code 1 if it has another'),
  ).action((dataId: string, file: string, flags: SetFlags) =>
    asGuest(flags, { ...groupOf(flags), ...WITHOUT_DOCUMENTS }, async ({ config, settings }) => {
      const content = readFileSync(file === '-' ? 0 : file, 'utf8')
      if (flags.check) checkDocument(dataId, content, flags.type)
      const document = { dataId, content, ...(flags.type !== undefined && { type: flags.type }) }
      const published = await config.publish(document, { casMd5: flags.cas })
      const { group } = settings.cloud.nacos.config
      if (flags.json) console.log(JSON.stringify({ published, dataId, group }))
      else if (published) console.log(`Published ${printable(dataId)} in the group ${printable(group)}.`)
      if (!published) missing(`${dataId} has another MD5 now`)
    }),
  )
}

/** Of documents, here; the group of services is another setting. */
function groupOf({ group }: GuestFlags): Record<string, string> {
  return group === undefined ? {} : { 'cloud.nacos.config.group': group }
}

/** The documents of Nacos are there, or it is said that they are not. */
async function loaded(sidecar: Sidecar): Promise<void> {
  await sidecar.ready
  const { connected, server } = sidecar.nacos.describe()
  if (!connected) console.error(`nacos-sidecar: ${server} cannot be reached: these are the values of this machine`)
}

function missing(what: string): void {
  console.error(`nacos-sidecar: ${printable(what)}`)
  process.exitCode = 1
}

import { resolve } from 'node:path'
import { Command } from 'commander'
import { connectionOf } from '../settings/connection.js'
import type { LoadOptions } from '../settings/load.js'
import { snapshotLocation } from '../snapshot/location.js'
import { printable } from '../util/printable.js'
import { portNumber } from './arguments.js'
import { checkAuth } from './doctor/auth-check.js'
import { skipped, type CheckName, type Finding } from './doctor/finding.js'
import { checkAddress, checkPort, checkSnapshots } from './doctor/machine-checks.js'
import { checkRegistries } from './doctor/registry-checks.js'
import { checkNode, checkSettings } from './doctor/settings-checks.js'
import { settingsOf, withGuestOptions, type GuestFlags } from './guest.js'
import { withProgress } from './progress.js'
import { isColoured, paint } from './table.js'

interface DoctorFlags extends GuestFlags {
  readonly port?: number
}

/** `nacos-sidecar doctor`: what keeps this app from being a member of the mesh. */
export function doctorCommand(): Command {
  return withGuestOptions(
    new Command('doctor')
      .description('Check the settings, this machine and the registry; say the cause and the fix of what is wrong.')
      .option('-p, --port <port>', 'port of the app (default: server.port)', portNumber),
  ).action(async (flags: DoctorFlags) => {
    const findings = await withProgress(
      () => 'checking…',
      () => diagnose(flags),
    )
    const failures = findings.filter(({ state }) => state === 'failed').length
    if (failures > 0) process.exitCode = 1
    if (flags.json) return console.log(JSON.stringify({ ok: failures === 0, checks: findings }, undefined, 2))
    console.log(findings.map((finding) => formatFinding(finding, isColoured())).join('\n'))
    console.log(
      failures === 0 ? '\nNothing is wrong.' : `\n${failures === 1 ? 'One check' : `${failures} checks`} failed.`,
    )
  })
}

/** What needs settings that can be used. */
const BEHIND_SETTINGS: readonly CheckName[] = [
  ...(['service', 'address', 'port', 'snapshots', 'dns', 'tcp', 'grpc'] as const),
  ...(['api', 'login', 'namespace', 'clock', 'auth'] as const),
]

/** Every finding, in the order of the checks; those of the network run side by side. */
export async function diagnose(flags: DoctorFlags, cwd = process.cwd()): Promise<Finding[]> {
  const options: LoadOptions = {
    ...{ cwd, main: resolve(cwd, 'package.json'), argv: [], overrides: settingsOf(flags) },
    ...(flags.config !== undefined && { configPath: flags.config }),
  }
  const { findings, loaded } = checkSettings(options)
  const first = [checkNode(), ...findings]
  if (!loaded) return [...first, ...BEHIND_SETTINGS.map((check) => skipped(check, 'the settings cannot be used'))]
  const { settings } = loaded
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  const { contextPath, namespace, username, accessKey, addresses, addressServer } = connection
  const servers = addressServer === undefined ? addresses.map(({ authority }) => authority) : [addressServer]
  const owner = { servers, contextPath, namespace, user: username ?? accessKey }
  const [port, registries] = await Promise.all([
    checkPort(flags.port ?? settings.server.port ?? settings.cloud.nacos.discovery.port),
    checkRegistries(settings),
  ])
  try {
    const auth = await checkAuth(settings, registries.discovery)
    const snapshots = checkSnapshots(snapshotLocation(settings.sidecar.snapshotDir, owner))
    return [...first, ...checkAddress(settings), port, snapshots, ...registries.findings, auth]
  } finally {
    await registries.close()
  }
}

const SIGNS = { ok: '✔', failed: '✖', warning: '!', skipped: '–' } as const
const COLOURS = { ok: 'good', failed: 'bad', warning: 'doubtful', skipped: 'faint' } as const
const WIDTH = 12

function formatFinding({ check, state, detail, cause, fix }: Finding, coloured: boolean): string {
  const below = (name: string, text: string | undefined) =>
    text === undefined ? [] : [`${' '.repeat(WIDTH + 3)}${name.padEnd(6)} ${printable(text)}`]
  return [
    `${paint(SIGNS[state], COLOURS[state], coloured)} ${check.padEnd(WIDTH)} ${printable(detail)}`,
    ...below('cause', cause),
    ...below('fix', fix),
  ].join('\n')
}

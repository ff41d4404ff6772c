import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isConsole, remoteOf } from './access.js'
import type { Auth } from './auth.js'
import type { ConfigStore, StoredConfig } from './config-store.js'
import type { InstanceView } from './instance.js'
import type { Naming } from './naming.js'
import { text, tooMany } from './reply.js'
import type { Reply } from './reply.js'
import type { ServiceRecord } from './service.js'

export interface ConsoleOptions {
  readonly naming: Naming
  readonly store: ConfigStore
  readonly auth: Auth
  readonly address: () => string
}

const REFRESH_SECONDS = 3
const MOST_ROWS = 500

/** GET / and /nacos/: the registered instances and the documents. Names only: no content, no metadata values. */
export function createConsole(options: ConsoleOptions): (request: IncomingMessage) => Reply | undefined {
  return (request): Reply | undefined => {
    if (!['GET', 'HEAD'].includes(request.method ?? '') || !isConsole(request.url ?? '')) return undefined
    if (options.auth.enabled && !mayRead(request, options.auth)) {
      return {
        ...text('Sign in to see the registry.', 401),
        headers: { 'WWW-Authenticate': 'Basic realm="nacos-sidecar dev"' },
      }
    }
    const nonce = randomBytes(16).toString('base64')
    return {
      status: 200,
      type: 'text/html;charset=UTF-8',
      headers: {
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
        'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      },
      body: page(options, nonce),
    }
  }
}

function mayRead(request: IncomingMessage, auth: Auth): boolean {
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (!basic) return false
  const [username, ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  const outcome = auth.login(username ?? '', rest.join(':'), remoteOf(request))
  if (typeof outcome !== 'object') return false
  if ('waitMs' in outcome) throw tooMany(outcome.waitMs, request.url ?? '/')
  return true
}

function page({ naming, store, auth, address }: ConsoleOptions, nonce: string): string {
  const services = naming.services().sort((a, b) => compare(a.name, b.name) || compare(a.group, b.group))
  const configs = store.all().sort((a, b) => compare(a.dataId, b.dataId) || compare(a.group, b.group))
  const instances = services.flatMap((service) => naming.instances(service).map((instance) => ({ service, instance })))
  const healthy = instances.filter(({ instance }) => instance.healthy && instance.enabled).length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nacos-sidecar dev · ${escapeHtml(address())}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header><h1>nacos-sidecar <small>dev registry</small></h1>
<p><code>server-addr: ${escapeHtml(address())}</code> · auth ${auth.enabled ? 'on' : 'off'} · refreshed every ${REFRESH_SECONDS} s</p></header>
<ul class="tiles">
${tile(services.length, 'services')}${tile(`${healthy}/${instances.length}`, 'instances serving')}${tile(configs.length, 'configs')}
</ul>
<h2>Instances</h2>
${table(['Service', 'Group', 'Namespace', 'Address', 'Cluster', 'Weight', 'Metadata keys', 'State'], instances, instanceRow, 'Nothing is registered yet.')}
<h2>Configs</h2>
${table(['Data id', 'Group', 'Namespace', 'Type', 'Size', 'MD5', 'Changed'], configs, configRow, 'Nothing is published yet.')}
</body>
</html>
`
}

function instanceRow({ service, instance }: { service: ServiceRecord; instance: InstanceView }): string {
  const state = !instance.enabled ? 'disabled' : instance.healthy ? 'healthy' : 'unhealthy'
  const address = `${instance.ip.includes(':') ? `[${instance.ip}]` : instance.ip}:${instance.port}`
  const cells = [service.name, service.group, service.namespace, address, instance.cluster, instance.weight]
  const keys = Object.keys(instance.metadata).join(', ')
  const kind = instance.ephemeral ? '' : ' · persistent'
  return `${cells.map(cell).join('')}${cell(keys)}<td><span class="${state}">${state}</span>${kind}</td>`
}

function configRow(config: StoredConfig): string {
  const size = `${Buffer.byteLength(config.content).toLocaleString('en')} B`
  const changed = new Date(config.modifiedMs).toISOString().slice(0, 19).replace('T', ' ')
  const cells = [
    config.dataId,
    config.group,
    config.tenant || 'public',
    config.type,
    size,
    config.md5.slice(0, 8),
    changed,
  ]
  return cells.map(cell).join('')
}

function table<T>(heads: readonly string[], rows: readonly T[], row: (item: T) => string, empty: string): string {
  if (rows.length === 0) return `<p class="empty">${empty}</p>`
  const shown = rows.slice(0, MOST_ROWS).map((item) => `<tr>${row(item)}</tr>`)
  const more = rows.length > MOST_ROWS ? `<p class="empty">… and ${rows.length - MOST_ROWS} more</p>` : ''
  const head = heads.map((name) => `<th>${name}</th>`).join('')
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${shown.join('\n')}\n</tbody></table>${more}`
}

function tile(value: number | string, label: string): string {
  return `<li><b>${value}</b> ${label}</li>`
}

function cell(value: number | string): string {
  return `<td>${escapeHtml(String(value))}</td>`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function escapeHtml(raw: string): string {
  const signs: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return raw.replace(/[&<>"']/g, (sign) => signs[sign]!)
}

const STYLE = `
:root{color-scheme:light dark;--ink:light-dark(#1c2430,#e6e9ef);--soft:light-dark(#667085,#98a2b3);--line:light-dark(#e4e7ec,#2b3340);--card:light-dark(#fff,#171c24);--ground:light-dark(#f6f7f9,#0f1319)}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:72rem;margin:2rem auto;padding:0 1.25rem}
h1{font-size:1.4rem;margin:0}h1 small,header p,.empty,th{color:var(--soft);font-weight:400}h2{font-size:1rem;margin:2rem 0 .5rem}header p{margin:.25rem 0}
code,td{font-variant-numeric:tabular-nums}.tiles{display:flex;gap:.75rem;list-style:none;padding:0;margin:1.25rem 0 0}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.6rem 1rem;color:var(--soft)}.tiles b{display:block;font-size:1.4rem;color:var(--ink)}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
th,td{text-align:left;padding:.45rem .8rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{font-size:.8rem}tr:last-child td{border:0}
.healthy,.unhealthy,.disabled{padding:.1rem .5rem;border-radius:1rem;font-size:.85rem}
.healthy{background:light-dark(#dcfae6,#0b3d24);color:light-dark(#067647,#75e0a7)}.unhealthy{background:light-dark(#fee4e2,#4a1512);color:light-dark(#b42318,#fda29b)}.disabled{background:var(--line);color:var(--soft)}
`

import { createServer } from 'node:http'
import { mkdirSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { GET, defineClient } from 'nacos-sidecar'
import { events } from 'nacos-sidecar/events'
import type { DevServer, DevServerOptions } from 'nacos-sidecar/testing'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { join, observer } from '../support/member.js'
import { devRegistry, form } from '../support/registry.js'
import { bound } from '../support/scale.js'
import { startChromium, type Chromium, type Page } from './servers/chromium.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const SERVICE = '#/services/public/DEFAULT_GROUP/user-service'
const CONFIG = '#/configs/public/DEFAULT_GROUP/user-service-dev.yml'
const XSS = '<img/src=x/onerror=document.title="hacked">'
/** `SCREENSHOTS=1` writes those of the documentation anew. */
const SCREENSHOTS = process.env['SCREENSHOTS'] !== undefined
const IMAGES = fileURLToPath(new URL('../../docs/images', import.meta.url))

const opened = await startChromium().then(
  (chromium) => ({ chromium }),
  (error: unknown) => ({
    missing: {
      reason: error instanceof Error ? error.message : String(error),
      toolAbsent: error instanceof Unavailable && error.absent !== undefined,
    },
  }),
)

type ContextOptions = Parameters<Chromium['browser']['newContext']>[0]

describe('the console in Chromium', () => {
  if ('missing' in opened) return cannotBeHad(opened.missing)
  const { browser, axe } = opened.chromium
  afterAll(() => browser.close())

  /** A page at `hash`, which fails the test if a script of it fails or its policy is broken. */
  async function openConsole(registry: DevServer, hash = '', options: ContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 760 }, ...options })
    const page = await context.newPage()
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // A refused login or a lost registry is written there by the browser itself.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) faults.push(message.text())
    })
    onTestFinished(async () => {
      await context.close()
      expect(faults).toEqual([])
    })
    await page.goto(`${registry.url}/${hash}`)
    return page
  }

  /** Nothing sends its heartbeat: it has the time of a slow machine. */
  const register = (registry: DevServer, fields: Record<string, string | number> = {}) =>
    form(registry, 'POST', '/v1/ns/instance', {
      ...{ serviceName: 'user-service', ip: '10.2.0.11', port: 8080, metadata: metadataOf({}) },
      ...fields,
    })
  const row = (page: Page, text: string) => page.locator('tbody tr:not(.spacer)').filter({ hasText: text })
  const focused = (page: Page) =>
    page.evaluate<string>(
      `(({ tagName, textContent, ariaLabel }) => ariaLabel ?? (tagName === 'BODY' ? '' : textContent))(document.activeElement)`,
    )
  /** Presses Tab until the element of this name has the focus. */
  async function tabTo(page: Page, name: RegExp, key = 'Tab') {
    for (let presses = 0; presses < 60; presses++) {
      if (name.test(await focused(page))) return
      await page.keyboard.press(key)
    }
    throw new Error(`Tab does not reach ${name}: it is at ${await focused(page)}`)
  }
  /** What axe-core finds that is serious. */
  async function seriousFindings(page: Page): Promise<string[]> {
    await page.evaluate(axe)
    const found = await page.evaluate<
      { id: string; impact: string; nodes: { html: string; any: { message: string }[] }[] }[]
    >('axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)')
    return found
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join('; ')}`)
  }
  async function shoot(page: Page, name: string) {
    if (!SCREENSHOTS) return
    mkdirSync(IMAGES, { recursive: true })
    await page.screenshot({ path: joinPath(IMAGES, `${name}.png`) })
  }

  it('an instance appears and leaves without a reload', async () => {
    const registry = await devRegistry()
    await register(registry)
    const list = await openConsole(registry)
    const page = await openConsole(registry, SERVICE)
    await row(page, '10.2.0.11:8080').waitFor()
    await page.evaluate('window.same = true')

    const app = express()
    const { sidecar, url } = await join(app, {
      'cloud.nacos.server-addr': registry.address,
      'application.name': 'user-service',
      'cloud.nacos.config.enabled': false,
    })
    const address = `:${new URL(url).port}`
    await row(page, address).waitFor()
    await row(list, '2 / 2').waitFor()
    await sidecar.stop({ drain: false })
    await row(page, address).waitFor({ state: 'detached' })
    await row(list, '1 / 1').waitFor()
    expect(await page.evaluate('window.same')).toBe(true)
    expect(await page.locator('.notices').textContent()).toMatch(/Instance .* registered.*Instance .* left/)
  })

  it('a weight that is set, and an instance that is disabled, reach the balancer of a running typed client', async () => {
    const registry = await devRegistry()
    const provider = (name: string) => {
      const app = express()
      app.get('/who', (_request, response) => void response.json({ name }))
      return join(app, {
        'cloud.nacos.server-addr': registry.address,
        'application.name': 'user-service',
        'cloud.nacos.config.enabled': false,
      })
    }
    const [one] = [await provider('one'), await provider('two')]
    const caller = await observer({
      'cloud.nacos.server-addr': registry.address,
      'application.name': 'caller',
      'cloud.nacos.config.enabled': false,
    })
    const users = caller.client(
      defineClient('user-service', { who: GET('/who').as<() => Promise<{ name: string }>>() }),
    )
    const shares = async () => {
      const names: string[] = []
      for (let call = 0; call < 40; call++) names.push((await users.who()).name)
      return names.filter((name) => name === 'one').length
    }
    expect(await shares()).toBe(20)

    const page = await openConsole(registry, SERVICE)
    const address = `127.0.0.1:${new URL(one!.url).port}`
    const place = registry.services()[0]!.instances.find(({ port }) => address.endsWith(`:${port}`))!
    await page.getByRole('button', { name: `Edit ${place.ip}:${place.port}` }).click()
    await page.getByLabel('Weight').fill('3')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText(`Saved ${place.ip}:${place.port}`).waitFor()
    await expect.poll(shares).toBe(30)

    await page.getByRole('button', { name: `Disable ${place.ip}:${place.port}` }).click()
    await expect.poll(shares).toBe(0)
    await page.getByRole('button', { name: `Edit ${place.ip}:${place.port}` }).click()
    await page.getByRole('button', { name: 'Back to what it published' }).click()
    await expect.poll(shares).toBe(20)
  })

  it('an edited config is checked, compared, published, and reaches a running service; an earlier version is restored', async () => {
    const registry = await devRegistry()
    registry.configs.publish({ dataId: 'user-service-dev.yml', content: 'feature:\n  greeting: hello\n' })
    const sidecar = await observer({
      'cloud.nacos.server-addr': registry.address,
      'application.name': 'user-service',
      'profiles.active': 'dev',
      'cloud.nacos.config.file-extension': 'yml',
    })
    expect(sidecar.config.get('feature.greeting')).toBe('hello')

    const page = await openConsole(registry, CONFIG)
    const text = page.getByLabel('Content')
    await expect.poll(() => text.inputValue()).toContain('hello')
    await text.fill('feature:\n  greeting: goodbye\n bad')
    await page.getByText('Line 3, column 2: bad indentation of a mapping entry').waitFor()
    await text.fill('feature:\n  greeting: goodbye\n')
    await page.getByText('Valid yaml').waitFor()
    await page.getByRole('button', { name: 'Publish…' }).click()
    const dialog = page.locator('dialog')
    expect(await dialog.locator('.diff-line.gone code').allTextContents()).toEqual(['  greeting: hello'])
    expect(await dialog.locator('.diff-line.new code').allTextContents()).toEqual(['  greeting: goodbye'])
    await dialog.getByRole('button', { name: 'Publish', exact: true }).click()
    await expect.poll(() => sidecar.config.get('feature.greeting')).toBe('goodbye')
    await expect.poll(() => page.getByText('Listeners').first().textContent()).toContain('1')

    await page.getByRole('link', { name: /^History/ }).click()
    await page.getByRole('button', { name: 'Restore… 1' }).click()
    await page.locator('dialog').getByRole('button', { name: 'Publish', exact: true }).click()
    await expect.poll(() => sidecar.config.get('feature.greeting')).toBe('hello')
    await row(page, 'current').first().waitFor()
  })

  it('what is published elsewhere while it is edited is not overwritten', async () => {
    const registry = await devRegistry()
    registry.configs.publish({ dataId: 'user-service-dev.yml', content: 'a: 1\n' })
    const page = await openConsole(registry, CONFIG)
    const text = page.getByLabel('Content')
    await expect.poll(() => text.inputValue()).toBe('a: 1\n')
    await text.fill('a: mine\n')
    registry.configs.publish({ dataId: 'user-service-dev.yml', content: 'a: theirs\n' })
    await page.getByText('This config has changed in the registry while you edit it.').waitFor()
    expect(await text.inputValue()).toBe('a: mine\n')
    await page.getByRole('button', { name: 'Publish…' }).click()
    await page.locator('dialog').getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('It has changed in the meantime').waitFor()
    expect(registry.configs.get({ dataId: 'user-service-dev.yml' })?.content).toBe('a: theirs\n')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Take the new one, drop mine' }).click()
    await expect.poll(() => text.inputValue()).toBe('a: theirs\n')
  })

  it('a new config is made and deleted', async () => {
    const registry = await devRegistry()
    const page = await openConsole(registry, '#/configs')
    await page.getByRole('link', { name: 'New config' }).click()
    await page.getByLabel('Data id').fill('orders.json')
    expect(await page.getByLabel('Format').inputValue()).toBe('json')
    await page.getByLabel('Content').fill('{"a": 1}')
    await page.getByRole('button', { name: 'Publish…' }).click()
    await page.locator('dialog').getByRole('button', { name: 'Publish', exact: true }).click()
    await expect
      .poll(() => registry.configs.get({ dataId: 'orders.json' }))
      .toMatchObject({ content: '{"a": 1}', type: 'json' })
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.locator('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
    await expect.poll(() => registry.configs.get({ dataId: 'orders.json' })).toBeUndefined()
    await page.getByText('No config here.').waitFor()
  })

  it('markup in names, metadata and documents stays text', async () => {
    const registry = await devRegistry()
    const data = JSON.stringify({ [XSS]: XSS })
    await register(registry, { serviceName: XSS, metadata: data })
    registry.configs.publish({
      dataId: 'xss.html',
      content: `</textarea>${XSS}<script>document.title="hacked"</script>`,
      type: 'html',
    })
    registry.configs.publish({ dataId: 'xss.html', content: `${XSS}\n`, type: 'html' })
    const page = await openConsole(registry)
    await row(page, XSS).waitFor()
    await page.getByRole('link', { name: XSS }).click()
    await row(page, `${XSS}=${XSS}`).waitFor()
    await page.getByRole('button', { name: 'Edit 10.2.0.11:8080' }).click()
    expect(await page.getByLabel('Key', { exact: true }).inputValue()).toBe(XSS)
    await page.keyboard.press('Escape')
    await page.goto(`${registry.url}/#/configs/public/DEFAULT_GROUP/xss.html/history`)
    await page.getByRole('button', { name: 'Compare 1' }).click()
    await page.locator('.diff-line.gone').getByText('<script>').waitFor()
    // A name in the address is text too.
    await page.goto(`${registry.url}/#/services/public/${encodeURIComponent(XSS)}/${encodeURIComponent(XSS)}`)
    await page.getByText(`Group ${XSS}`).waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).not.toContain('hacked"</')
    expect(await page.title()).toBe(`${XSS} · nacos-sidecar dev`)
  })

  it('timers and queues of the instances on this machine, live; why another one is not known', async () => {
    const registry = await devRegistry()
    await register(registry)
    await register(registry, { ip: '127.0.0.1', port: 1 })
    const { sidecar, url } = await join(express(), {
      'cloud.nacos.server-addr': registry.address,
      'application.name': 'user-service',
      'cloud.nacos.config.enabled': false,
    })
    const rates = sidecar.timer('refresh rates', { every: '1h' }, () => {
      throw new Error(`no rates today ${XSS}`)
    })
    const bus = events(sidecar, { url: 'memory:' })
    const done = bus.on('order-service', XSS, () => {}, { name: 'index' })
    await done.ready
    const page = await openConsole(registry, SERVICE)
    await page.getByRole('link', { name: 'Timers and queues' }).click()
    const timer = row(page, 'refresh rates')
    await timer.getByText('not yet').waitFor()
    expect(await timer.innerText()).toMatch(/every 1h[^]*every instance[^]*in \d/)
    await rates.run().catch(() => {})
    await timer.getByText('no rates today').waitFor()
    await row(page, `order-service ${XSS}`).getByText('0 / 10').waitFor()
    await bus.emit(XSS, null, { source: 'order-service' })
    await row(page, `order-service ${XSS}`).getByRole('cell', { name: '1', exact: true }).waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toMatch(/Broker\s+memory:/)
    expect(text).toMatch(/10\.2\.0\.11:8080\s+Not known\s+runs on another machine/)
    expect(text).toMatch(/127\.0\.0\.1:1\s+Not known\s+it does not answer on port 1/)
    expect(await page.locator('img').count()).toBe(0)
    const links = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.work a')].map(({ href, rel }) => href + ' ' + rel)`,
    )
    expect(links).toContain(`http://localhost:${new URL(url).port}/_sidecar noreferrer noopener`)
    expect(links).toHaveLength(2)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await seriousFindings(page)).toEqual([])
    }
    await page.getByRole('link', { name: 'Status page' }).first().focus()
    // A new report leaves the focus where it is.
    await rates.run().catch(() => {})
    await timer.getByRole('cell', { name: '2', exact: true }).first().waitFor()
    expect(await focused(page)).toBe('Status page')
    await sidecar.stop({ drain: false })
    await timer.waitFor({ state: 'detached' })
  })

  it('a page of another origin can neither read nor change anything', async () => {
    const registry = await devRegistry()
    await register(registry)
    const evil = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html')
      response.end('<title>evil</title>')
    })
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void evil.close())
    const { port } = evil.address() as { port: number }
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${port}/`)
    const tried = await page.evaluate<unknown[], string>(async (target) => {
      const body = JSON.stringify({
        namespace: 'public',
        group: 'DEFAULT_GROUP',
        name: 'user-service',
        ip: '10.2.0.11',
        port: 8080,
      })
      const attempt = (init: RequestInit, path = 'instance/deregister') =>
        fetch(`${target}/_dev/api/${path}`, init).then(
          ({ status, type }) => `${type} ${status}`,
          () => 'failed',
        )
      return [
        await attempt({ method: 'POST', body, headers: { 'X-Sidecar-Console': '1' } }),
        await attempt({ method: 'POST', body, mode: 'no-cors' }),
        await attempt({}, 'live'),
        await fetch(`${target}/nacos/v1/ns/instance?serviceName=user-service&ip=10.2.0.11&port=8080`, {
          method: 'DELETE',
        }).then(
          () => 'sent',
          () => 'failed',
        ),
      ]
    }, registry.url)
    expect(tried).toEqual(['failed', 'opaque 0', 'failed', 'failed'])
    expect(registry.services()[0]?.instances).toHaveLength(1)
    // Nor can it show the console in a frame of its own.
    const framed = await page.evaluate<string>(`(async () => {
      const frame = document.createElement('iframe')
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
      frame.src = ${JSON.stringify(registry.url)}
      document.body.append(frame)
      await loaded
      try {
        return frame.contentDocument ? 'readable' : 'closed'
      } catch {
        return 'closed'
      }
    })()`)
    expect(framed).toBe('closed')
  })

  it('everything can be done with the keyboard: the focus is seen, kept in a dialog, and comes back', async () => {
    const registry = await devRegistry()
    await register(registry, { metadata: metadataOf({ zone: 'a' }) })
    const page = await openConsole(registry)
    await row(page, 'user-service').waitFor()
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('Skip to content')
    await tabTo(page, /^user-service$/)
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle')
    expect(outline).toBe('solid')
    await page.keyboard.press('Enter')
    await row(page, '10.2.0.11:8080').waitFor()
    await tabTo(page, /^Edit 10\.2\.0\.11:8080$/)
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    for (let presses = 0; presses < 12; presses++) {
      await page.keyboard.press('Tab')
      const where = await page.evaluate<string>(
        `document.activeElement.closest('dialog') ? 'dialog' : document.activeElement.tagName`,
      )
      // The browser's own bar is between the last and the first.
      expect(['dialog', 'BODY']).toContain(where)
    }
    await page.getByLabel('Weight').focus()
    await page.keyboard.press('Control+A')
    await page.keyboard.type('7')
    await page.keyboard.press('Enter')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await expect.poll(() => registry.services()[0]?.instances[0]?.weight).toBe(7)
    await expect.poll(() => focused(page)).toBe('Edit 10.2.0.11:8080')
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => focused(page)).toBe('Edit 10.2.0.11:8080')
    await tabTo(page, /^Disable /, 'Shift+Tab')
    await page.keyboard.press('Space')
    await expect.poll(() => registry.services()[0]?.instances[0]?.enabled).toBe(false)
    // The button is another one by then, in the same place.
    await expect.poll(() => focused(page)).toBe('Enable 10.2.0.11:8080')
  })

  it(
    '10,000 instances in one service: the first rows within a second, and smooth scrolling',
    { timeout: 120_000 },
    async () => {
      const registry = await devRegistry()
      const pool = new Pool(registry.url, { connections: 2, pipelining: 100 })
      onTestFinished(() => pool.close())
      const registrations = Array.from({ length: 10_000 }, async (_, n) => {
        const ip = `10.0.${n >> 8}.${n & 255}`
        const query = { serviceName: 'user-service', ip, port: 8080, metadata: metadataOf({ version: '1.0.0' }) }
        const { body } = await pool.request({ method: 'POST', path: '/nacos/v1/ns/instance', query })
        await body.dump()
      })
      await Promise.all(registrations)
      await (await openConsole(registry)).evaluate('1')
      const firstRowMs: number[] = []
      let page: Page | undefined
      // The best of some: other work on the machine is not the page's.
      for (let attempt = 0; attempt < 5; attempt++) {
        await page?.close()
        page = await openConsole(registry, SERVICE)
        await row(page, '10.0.0.0:8080').waitFor()
        firstRowMs.push(await page.evaluate<number>('performance.getEntriesByName("first-row")[0]?.startTime ?? NaN'))
        if (firstRowMs.at(-1)! <= 1_000) break
      }
      expect(Math.min(...firstRowMs)).toBeLessThanOrEqual(bound(1_000))
      await page!.getByText('10,000 instances', { exact: true }).waitFor()
      expect(await page!.locator('tbody tr:not(.spacer)').count()).toBeLessThan(60)

      // Each frame of a scroll, and how long it took.
      const { frames, workMs, blank } = await page!.evaluate<{
        frames: number
        workMs: number[]
        blank: number
      }>(`(async () => {
      const table = document.querySelector('.table')
      const workMs = []
      let blank = 0
      const frames = 120
      for (let step = 1; step <= frames; step++) {
        const startMs = performance.now()
        // As a wheel does; every tenth is a jump, as with the bar.
        table.scrollTop = step % 10 ? table.scrollTop + 250 : (table.scrollHeight * step) / frames
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
        workMs.push(performance.now() - startMs)
        const { left, top, height } = table.getBoundingClientRect()
        const seen = document.elementFromPoint(left + 40, top + height / 2)
        if (!seen?.closest('tbody tr:not(.spacer)')) blank++
      }
      return { frames, workMs, blank }
    })()`)
      const sorted = [...workMs].sort((a, b) => a - b)
      console.log(
        `10,000 instances: first row after ${firstRowMs.map(Math.round).join(', ')} ms; frames of a scroll: median ${sorted[frames >> 1]!.toFixed(1)} ms, p95 ${sorted[Math.floor(frames * 0.95)]!.toFixed(1)} ms`,
      )
      expect(blank).toBe(0)
      expect(sorted[frames >> 1]!).toBeLessThan(bound(34))
      await row(page!, '10.0.39.15:8080').waitFor()

      await page!.getByLabel('Search address, cluster, metadata').fill('10.0.39.15:8080')
      await page!.getByText('1 instance', { exact: true }).waitFor()
      await page!.getByRole('button', { name: 'Disable 10.0.39.15:8080' }).click()
      await row(page!, 'disabled').waitFor()
    },
  )

  it('speaks English and Chinese, by the browser and by choice', async () => {
    const registry = await devRegistry()
    await register(registry)
    const page = await openConsole(registry, '', { locale: 'zh-CN' })
    await page.getByRole('heading', { name: '服务' }).waitFor()
    expect(await page.evaluate('document.documentElement.lang')).toBe('zh-CN')
    await page.getByLabel('语言').selectOption('en')
    await page.getByRole('heading', { name: 'Services' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Services' }).waitFor()
    expect(await page.evaluate('document.documentElement.lang')).toBe('en')
  })

  it('is dark or light as the system is, and as one chooses', async () => {
    const registry = await devRegistry()
    const page = await openConsole(registry, '', { colorScheme: 'dark' })
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    await page.getByRole('heading', { name: 'Services' }).waitFor()
    expect(await ground()).toBe('rgb(13, 17, 23)')
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await ground()).toBe('rgb(246, 247, 249)')
    await page.getByRole('button', { name: 'Theme: System' }).click()
    await page.getByRole('button', { name: 'Theme: Light' }).click()
    expect(await ground()).toBe('rgb(13, 17, 23)')
    await page.reload()
    await page.getByRole('button', { name: 'Theme: Dark' }).waitFor()
    expect(await ground()).toBe('rgb(13, 17, 23)')
  })

  it('with auth on, asks to sign in, and keeps the password nowhere', async () => {
    const registry = await devRegistry({ auth: { username: 'dev', password: 'canary-password' } })
    await register(registry, { username: 'dev', password: 'canary-password' })
    const page = await openConsole(registry, SERVICE)
    const urls: string[] = []
    page.on('request', (request) => urls.push(request.url()))
    expect(await seriousFindings(page)).toEqual([])
    await page.getByLabel('User name').fill('dev')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('Wrong user name or password.').waitFor()
    await page.getByLabel('Password').fill('canary-password')
    await page.keyboard.press('Enter')
    await row(page, '10.2.0.11:8080').waitFor()
    await page.reload()
    await row(page, '10.2.0.11:8080').waitFor()
    const kept = await page.evaluate<string>(
      'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])',
    )
    expect(kept).not.toContain('canary-password')
    expect(urls.join('\n')).not.toMatch(/canary|token/i)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('User name').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
  })

  it('connects again after a restart of the registry', async () => {
    const first = await devRegistry()
    await register(first)
    const page = await openConsole(first, SERVICE)
    await row(page, '10.2.0.11:8080').waitFor()
    await first.stop()
    await page.getByText('Connection lost, trying again…').waitFor()
    const second = await devRegistry({ port: first.port } satisfies DevServerOptions)
    await register(second, { ip: '10.2.0.99' })
    await row(page, '10.2.0.99:8080').waitFor()
    await row(page, '10.2.0.11:8080').waitFor({ state: 'detached' })
  })

  describe('looked at', () => {
    let registry: DevServer
    const stops: (() => Promise<void>)[] = []
    beforeAll(async () => {
      registry = await devRegistry({}, (cleanUp) => stops.push(cleanUp))
      await furnish(registry)
    })
    afterAll(async () => void (await Promise.all(stops.map((stop) => stop()))))

    const views = [
      ['services', '#/services', 'user-service'],
      ['service', SERVICE, '10.2.0.11:8080'],
      ['subscribers', `${SERVICE}/subscribers`, 'No client is subscribed'],
      ['configs', '#/configs', 'user-service-dev.yml'],
      ['config', CONFIG, 'Valid yaml'],
      ['history', `${CONFIG}/history`, 'current'],
      ['listeners', `${CONFIG}/listeners`, 'No client listens'],
      ['new', '#/configs/new', 'Data id'],
      ['clients', '#/clients', 'No client is connected'],
      ['namespaces', '#/namespaces', 'staging'],
    ] as const

    it.each(['light', 'dark'] as const)(
      'axe-core finds nothing serious, and nothing is cut off (%s)',
      async (colorScheme) => {
        for (const [name, hash, text] of views) {
          const page = await openConsole(registry, hash, { colorScheme })
          await page.getByText(text).first().waitFor()
          expect(await seriousFindings(page), name).toEqual([])
          if (name === 'service') await shoot(page, `console-${colorScheme}`)
          await page.close()
        }
        const page = await openConsole(registry, SERVICE, { colorScheme })
        await page.getByRole('button', { name: 'Edit 10.2.0.11:8080' }).click()
        expect(await seriousFindings(page), 'edit').toEqual([])
        const config = await openConsole(registry, CONFIG, { colorScheme })
        await config.getByText('Valid yaml').waitFor()
        await config
          .getByLabel('Content')
          .fill(
            DOCUMENT.replace('pool: 20', 'pool: 40').replace(
              'dark-mode: false\n',
              'dark-mode: true\n  beta: [eu-1, eu-2]\n',
            ),
          )
        await config.getByText('Valid yaml').waitFor()
        await config.getByRole('button', { name: 'Publish…' }).click()
        await config.locator('dialog .diff').waitFor()
        expect(await seriousFindings(config), 'publish').toEqual([])
        await shoot(config, `console-diff-${colorScheme}`)
      },
    )
  })
})

const DOCUMENT = `server:
  port: 8080
spring:
  datasource:
    url: jdbc:postgresql://db.internal/users
    pool: 20
feature:
  greeting: hello
  dark-mode: false
`

/** Of an instance that sends no heartbeat, and stays for the test. */
function metadataOf(entries: Record<string, string>): string {
  return JSON.stringify({
    ...entries,
    'preserved.heart.beat.timeout': '600000',
    'preserved.ip.delete.timeout': '900000',
  })
}

/** A small mesh, as a person would meet it. */
async function furnish(registry: DevServer): Promise<void> {
  const register = (serviceName: string, ip: string, port: number, more: Record<string, string> = {}) =>
    form(registry, 'POST', '/v1/ns/instance', { serviceName, ip, port, ...more })
  const data = (entries: Record<string, string>) => ({ metadata: metadataOf(entries) })
  await register('user-service', '10.2.0.11', 8080, data({ version: '2.4.1', zone: 'eu-1' }))
  await register('user-service', '10.2.0.12', 8080, { ...data({ version: '2.4.1', zone: 'eu-2' }), weight: '2' })
  await register('user-service', '10.2.0.13', 8080, { ...data({ version: '2.5.0', zone: 'eu-1' }), enabled: 'false' })
  await register('user-service', '10.2.0.14', 8080, { ...data({ version: '2.4.1', zone: 'eu-2' }), healthy: 'false' })
  await register('order-service', '10.2.0.21', 8081, data({ version: '1.9.3' }))
  await register('billing-worker', '10.2.0.31', 9000, { groupName: 'BATCH', ...data({}) })
  await register('gateway', '10.2.0.2', 8000, { namespaceId: 'staging', ...data({}) })
  registry.configs.publish({ dataId: 'user-service-dev.yml', content: DOCUMENT.replace('20', '10') })
  registry.configs.publish({ dataId: 'user-service-dev.yml', content: DOCUMENT })
  registry.configs.publish({ dataId: 'common.properties', content: 'logging.level.root=INFO\n' })
}

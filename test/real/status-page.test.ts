import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { startChromium, type Page } from './servers/chromium.js'
import { Unavailable } from './servers/unavailable.js'
import { expectAccessible, keepScreenshot, watchErrors } from './support/browser-page.js'
import { cannotBeHad } from './support/on-server.js'
import { MARKUP, shownApp } from './support/shown-app.js'

const VIEWS = ['overview', 'services', 'operations', 'work', 'config', 'log'] as const
const chromium = await startChromium().catch((error: unknown) => ({
  reason: error instanceof Error ? error.message : String(error),
  toolAbsent: error instanceof Unavailable && error.absent !== undefined,
}))

describe('/_sidecar in Chromium', () => {
  if ('reason' in chromium) return cannotBeHad(chromium)
  const { browser, axe } = chromium
  afterAll(() => browser.close())

  async function open(url: string, options: Parameters<typeof browser.newContext>[0] = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-US', ...options })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    const errors = watchErrors(page)
    await page.goto(url)
    return { page, errors }
  }
  const shows = (page: Page, text: string | RegExp) => page.locator('main').getByText(text).first().waitFor()
  const text = async (page: Page) => (await page.locator('main').innerText()).replaceAll('\u00a0', ' ')

  test('the registration, an instance that is ejected, a change of the configuration: without a reload', async () => {
    const app = await shownApp()
    await app.load(6)
    const { page, errors } = await open(`${app.url}/_sidecar`)
    await shows(page, 'order-service')
    const { instance } = app.sidecar.status()
    for (const part of [
      `127.0.0.1:${instance!.port}`,
      'registered',
      'DEFAULT_GROUP',
      'it is set by',
      'orders-db',
      'load prices',
    ])
      expect(await text(page)).toContain(part)
    await page.evaluate('window.sameDocument = true')
    expect(await text(page)).not.toContain('Instances that get no calls')
    app.breakOne()
    await app.load(18)
    await shows(page, 'Instances that get no calls')
    expect(await text(page)).toMatch(/user-service[^]*ejected[^]*3 calls failed in a row/)

    await page.getByRole('link', { name: 'Services' }).click()
    await shows(page, 'ejected')
    await page.getByRole('button', { name: 'price-service' }).click()
    expect(await text(page)).toContain('Instances of price-service')
    expect(await text(page)).toContain('api-token=***')

    await page.getByRole('link', { name: 'Operations' }).click()
    await shows(page, 'GET user-service/users/{id}')
    await page.getByRole('link', { name: 'Timers and events' }).click()
    await shows(page, 'no rates today')
    expect(await text(page)).toMatch(/nightly\s+0 30 2 \* \* \* \(Europe\/Berlin\)\s+one instance\s+in \d/)
    expect(await text(page)).toMatch(/refresh rates\s+every 1h\s+every instance\s+in \d/)
    expect(await text(page)).toMatch(/Broker\s+memory:\s+connected\s+Emitted 1/)
    expect(await text(page)).toMatch(/index\s+one instance\s+0 \/ 3\s+0\s+1\s+0\s+1\s+no such order/)
    expect(await text(page)).toMatch(/price-service changed\s+changed\s+every instance\s+0 \/ 10/)
    await app.rates.run().catch(() => {})
    await page
      .getByRole('row', { name: /refresh rates/ })
      .getByRole('cell', { name: '2', exact: true })
      .first()
      .waitFor()

    await page.getByRole('link', { name: 'Configuration' }).click()
    await shows(page, 'db.pool-size')
    app.registry.configs.publish({ dataId: 'order-service.yml', content: 'db: { pool-size: 31337 }' })
    await shows(page, '31337')
    await page.getByRole('button', { name: 'db.pool-size' }).click()
    await page.getByRole('dialog').getByText('order-service.yml').first().waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Log' }).click()
    await shows(page, /config order-service\.yml changed/)
    await page.getByLabel('Search').fill('keeps failing')
    await shows(page, 'keeps failing')
    expect(await page.evaluate('window.sameDocument')).toBe(true)
    expect(errors).toEqual([])
  })

  test('markup in metadata, values, names of hooks and operations, and lines stays text; no secret is there', async () => {
    const app = await shownApp()
    app.registry.configs.publish({ dataId: 'common.yml', content: `"${MARKUP}": [` })
    app.breakOne()
    await app.load(12)
    const { page, errors } = await open(`${app.url}/_sidecar`)
    const seen: string[] = []
    for (const view of VIEWS) {
      await page.evaluate(`location.hash = '${view}'`)
      await page.locator(`nav a[aria-current=page][href="#${view}"]`).waitFor()
      await page.waitForFunction("document.querySelector('main').innerText.length > 200")
      if (view !== 'log') await shows(page, /onerror=window\.attacked/)
      seen.push(await page.content())
    }
    expect(await page.evaluate('window.attacked')).toBeUndefined()
    expect(await page.evaluate("document.querySelectorAll('img, iframe, style, [style*=expression]').length")).toBe(0)
    expect(seen.join()).not.toMatch(/s3cret-of/)
    expect(seen.join()).toContain('***')
    expect(errors).toEqual([])
  })

  test('with the keyboard alone: skip link, views, pause, a key and back', async () => {
    const app = await shownApp()
    const { page } = await open(`${app.url}/_sidecar`)
    await shows(page, 'order-service')
    const focused = () =>
      page.evaluate<string>('document.activeElement.textContent.trim() || document.activeElement.tagName')
    const tabTo = async (name: string) => {
      for (let n = 0; n < 40 && (await focused()) !== name; n++) await page.keyboard.press('Tab')
      expect(await focused()).toBe(name)
    }
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await page.evaluate('document.activeElement.blur()')
    await tabTo('Pause')
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    expect(await focused()).toBe('Resume')
    let asked = 0
    page.on('request', (request) => void (request.url().endsWith('status.json') && asked++))
    await page.waitForTimeout(2_500)
    expect(asked).toBe(0)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await expect.poll(() => asked).toBeGreaterThan(0)
    await tabTo('Configuration')
    await page.keyboard.press('Enter')
    await shows(page, 'db.pool-size')
    await tabTo('db.pool-size')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await focused()).toBe('db.pool-size')
  })

  test('English and 简体中文, light and dark: nothing serious for axe in any view', async () => {
    const app = await shownApp('team orders')
    await app.load(40)
    app.breakOne()
    await app.load(16)
    for (const [locale, colorScheme, word] of [
      ['en-US', 'light', 'Heartbeat'],
      ['zh-CN', 'dark', '心跳'],
    ] as const) {
      const { page } = await open(`${app.url}/_sidecar`, { locale, colorScheme })
      await shows(page, word)
      expect(await page.evaluate('document.documentElement.lang')).toBe(locale === 'en-US' ? 'en' : 'zh-CN')
      for (const view of VIEWS) {
        await page.evaluate(`location.hash = '${view}'`)
        await page.locator(`nav a[aria-current=page][href="#${view}"]`).waitFor()
        await expectAccessible(page, axe, `${view}, ${locale}, ${colorScheme}`)
      }
      await page.evaluate("location.hash = 'overview'")
      await shows(page, word)
      await page.getByLabel(locale === 'en-US' ? 'Language' : '语言').selectOption('en')
      await shows(page, 'Heartbeat')
      await keepScreenshot(page, `status-page-${colorScheme}`)
      await page.getByLabel('Language').selectOption('zh')
      await shows(page, '心跳')
    }
  })

  test('another origin can neither frame nor read it', async () => {
    const app = await shownApp()
    const foreign = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`<iframe src="${app.url}/_sidecar"></iframe><script src="${app.url}/_sidecar/status.json"></script>`)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void (foreign.closeAllConnections(), foreign.close()))
    await once(foreign, 'listening')
    const { page, errors } = await open(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`)
    const read = await page.evaluate<string>(
      `fetch('${app.url}/_sidecar/status.json').then((response) => response.text(), (error) => 'refused: ' + error)`,
    )
    expect(read).toMatch(/^refused: /)
    expect(await page.evaluate("document.querySelector('iframe').contentDocument")).toBeNull()
    expect(errors.join()).toMatch(/403|X-Frame-Options|frame-ancestors/)
    // A link from there is followed.
    await page.goto(`${app.url}/_sidecar`)
    await shows(page, 'order-service')
  })
})

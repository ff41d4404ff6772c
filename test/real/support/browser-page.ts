import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Page } from '../servers/playwright.js'

const IMAGES = fileURLToPath(new URL('../../../docs/images', import.meta.url))

/** With `SCREENSHOTS=1` the tests write the images of the documentation anew. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  if (!process.env['SCREENSHOTS']) return
  mkdirSync(IMAGES, { recursive: true })
  await page.screenshot({ path: join(IMAGES, `${name}.png`) })
}

/** What axe finds on the page as it stands is nothing serious. @param axe its source */
export async function expectAccessible(page: Page, axe: string, where: string): Promise<void> {
  await page.evaluate(axe)
  const found = await page.evaluate<{ id: string; impact: string; nodes: string[] }[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((node) => node.html).slice(0, 3) })))`,
  )
  const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious, where).toEqual([])
}

/** Collects what a page must never do: errors of its scripts, and what its Content-Security-Policy refused. */
export function watchErrors(page: Page): readonly string[] {
  const errors: string[] = []
  page.on('pageerror', (error) => void errors.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  return errors
}

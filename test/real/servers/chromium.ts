import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { librariesIn, newestPackage, unpackPackage } from './debian.js'
import { npmPackages } from './npm-packages.js'
import { Unavailable } from './unavailable.js'
import type { Browser, Playwright } from './playwright.js'

export type { Browser, BrowserContext, Locator, Page } from './playwright.js'

/** A Chromium that runs, and the source of axe-core to check its pages with. */
export interface Chromium {
  readonly browser: Browser
  /** To be given to `page.evaluate`: it puts `axe` on the window, under any CSP. */
  readonly axe: string
}

const PACKAGES = ['playwright-core@1', 'axe-core@4']
/** Not libraries, so not found by what Chromium depends on. The fonts make screenshots the same on every machine. */
const ALSO = ['chromium-common', 'fonts-inter', 'fonts-jetbrains-mono', 'fonts-wqy-microhei']

/**
 * Starts Debian's Chromium, unpacked into the cache without root, driven by playwright-core of npm.
 *
 * @throws Unavailable where neither Chromium nor apt is here
 */
export async function startChromium(): Promise<Chromium> {
  const folder = await unpacked()
  const require = createRequire(join(await npmPackages('browser', PACKAGES), 'index.js'))
  const { chromium } = require('playwright-core') as Playwright
  const browser = await chromium.launch({
    executablePath: join(folder, 'usr/lib/chromium/chromium'),
    // Root has no sandbox to give, and a container no /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-color-profile=srgb'],
    env: {
      ...process.env,
      LD_LIBRARY_PATH: librariesIn(folder, ['nss', 'pulseaudio']).join(':'),
      FONTCONFIG_FILE: fontsOf(folder),
    },
  })
  return { browser, axe: readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8') }
}

async function unpacked(): Promise<string> {
  const name = await newestPackage('^chromium$')
  if (name === undefined) throw new Unavailable('neither Chromium nor apt is here', 'chromium')
  return unpackPackage(name, ALSO)
}

/** The unpacked fonts, and which of them stand for the generic families. */
function fontsOf(folder: string): string {
  const file = join(folder, 'fonts.conf')
  const alias = (family: string, ...preferred: string[]) =>
    `<alias binding="strong"><family>${family}</family><prefer>${preferred.map((name) => `<family>${name}</family>`).join('')}</prefer></alias>`
  const text = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${join(folder, 'usr/share/fonts')}</dir><dir>/usr/share/fonts</dir><cachedir>${join(folder, 'font-cache')}</cachedir>
${alias('system-ui', 'Inter', 'WenQuanYi Micro Hei')}${alias('sans-serif', 'Inter', 'WenQuanYi Micro Hei')}${alias('monospace', 'JetBrains Mono', 'WenQuanYi Micro Hei')}
</fontconfig>`
  if (existsSync(file)) return file
  // Whole at once: another file of tests starts its Chromium as well.
  writeFileSync(`${file}.${process.pid}`, text)
  renameSync(`${file}.${process.pid}`, file)
  return file
}

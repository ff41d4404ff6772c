/** What the tests use of playwright-core, which is installed when they run. */

export interface Locator {
  click(options?: { timeout?: number }): Promise<void>
  fill(text: string): Promise<void>
  press(key: string): Promise<void>
  focus(): Promise<void>
  count(): Promise<number>
  first(): Locator
  nth(index: number): Locator
  locator(selector: string): Locator
  filter(options: { hasText?: string | RegExp; has?: Locator }): Locator
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator
  getByText(text: string | RegExp, options?: { exact?: boolean }): Locator
  getByLabel(text: string | RegExp, options?: { exact?: boolean }): Locator
  selectOption(value: string): Promise<unknown>
  textContent(): Promise<string | null>
  allTextContents(): Promise<string[]>
  innerText(): Promise<string>
  inputValue(): Promise<string>
  isVisible(): Promise<boolean>
  isChecked(): Promise<boolean>
  getAttribute(name: string): Promise<string | null>
  waitFor(options?: { state?: 'attached' | 'detached' | 'visible' | 'hidden'; timeout?: number }): Promise<void>
  evaluate<T, A = undefined>(body: ((element: Element, argument: A) => T) | string, argument?: A): Promise<T>
  screenshot(options?: { path?: string }): Promise<Buffer>
}

export interface Page extends Pick<Locator, 'locator' | 'getByRole' | 'getByText' | 'getByLabel' | 'screenshot'> {
  goto(
    url: string,
    options?: { waitUntil?: 'load' | 'domcontentloaded' | 'commit' },
  ): Promise<{ status(): number } | null>
  reload(): Promise<unknown>
  url(): string
  title(): Promise<string>
  content(): Promise<string>
  evaluate<T, A = undefined>(body: ((argument: A) => T | Promise<T>) | string, argument?: A): Promise<T>
  waitForFunction<A = undefined>(body: ((argument: A) => unknown) | string, argument?: A): Promise<unknown>
  waitForTimeout(ms: number): Promise<void>
  waitForURL(url: string | RegExp): Promise<void>
  setViewportSize(size: { width: number; height: number }): Promise<void>
  emulateMedia(options: { colorScheme?: 'light' | 'dark'; reducedMotion?: 'reduce' }): Promise<void>
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void
  on(event: 'pageerror', listener: (error: Error) => void): void
  on(event: 'request', listener: (request: { url(): string; method(): string }) => void): void
  on(event: 'dialog', listener: (dialog: { message(): string; dismiss(): Promise<void> }) => void): void
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
  readonly mouse: { wheel(x: number, y: number): Promise<void>; move(x: number, y: number): Promise<void> }
  close(): Promise<void>
}

export interface BrowserContext {
  newPage(): Promise<Page>
  addInitScript(script: string): Promise<void>
  close(): Promise<void>
}

export interface Browser {
  newContext(options?: {
    locale?: string
    colorScheme?: 'light' | 'dark'
    viewport?: { width: number; height: number }
    deviceScaleFactor?: number
    reducedMotion?: 'reduce'
    extraHTTPHeaders?: Record<string, string>
  }): Promise<BrowserContext>
  version(): string
  close(): Promise<void>
}

export interface Playwright {
  readonly chromium: {
    launch(options: {
      executablePath: string
      args?: readonly string[]
      env?: NodeJS.ProcessEnv
      headless?: boolean
    }): Promise<Browser>
  }
}

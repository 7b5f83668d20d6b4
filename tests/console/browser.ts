// A real browser with a passkey of its own, for the stories of the console. Whatever a person would never see and should: an error in the console,
// a rejection nobody handled, a refused policy, a request that failed, is told as trouble.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const PROGRAMS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const PHONE = { width: 390, height: 844 }
const DESK = { width: 1280, height: 800 }
const ACT_WITHIN_MS = 20_000
const SCREENSHOTS = join(import.meta.dirname, '..', '..', 'console', 'screenshots')

export const browserProgram = PROGRAMS.find((program) => program !== undefined && program !== '' && existsSync(program))
export const NO_BROWSER = 'no Chromium: install it (Debian: apt install chromium), or let CHROMIUM name it'

export function launch(): Promise<Browser> {
  if (browserProgram === undefined) throw new Error(NO_BROWSER)
  // As root Chromium has no sandbox of its own; it meets nothing but our own pages here.
  return chromium.launch({ executablePath: browserProgram, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

export interface Visitor extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** What went wrong unseen. `expected` are ends of addresses that were meant to be refused, or what else was meant. */
  trouble(...expected: readonly (string | RegExp)[]): readonly string[]
  /** What axe-core finds against WCAG 2.2 AA on the page as it stands. */
  barriers(): Promise<readonly string[]>
  /** Plugs in one more passkey device, which has no passkey yet. */
  anotherDevice(): Promise<void>
  /** From now on the browser offers no passkeys by itself, as older ones do not. */
  withoutAutofill(): Promise<void>
  /** Pictures of the page as it stands: light and dark, on a phone and on a desk. */
  pictures(name: string): Promise<void>
}

export async function visit(browser: Browser, url: string): Promise<Visitor> {
  const context = await browser.newContext({ viewport: PHONE, baseURL: url, permissions: ['clipboard-read', 'clipboard-write'] })
  context.setDefaultTimeout(ACT_WITHIN_MS)
  const page = await context.newPage()
  const device = await passkeyDevices(context, page)
  await device('internal')
  const seen: { readonly what: string; readonly address: string }[] = []
  page.on('console', (message) => {
    const address = message.location().url
    // That nobody makes this person's factors anew is told by a 404.
    const isNoEnrolment = address.endsWith('/me/enrolment') && message.text().includes('404')
    if (message.type() === 'error' && !isNoEnrolment) seen.push({ what: message.text(), address })
  })
  page.on('pageerror', (error) => seen.push({ what: `${error.name}: ${error.message}`, address: '' }))
  page.on('requestfailed', (request) => {
    // What a page let go of when it was left is no failure.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') seen.push({ what: request.failure()?.errorText ?? 'failed', address: request.url() })
  })
  return {
    page,
    context,
    trouble: (...expected) =>
      seen
        .filter(({ what, address }) => !expected.some((end) => (typeof end === 'string' ? address.endsWith(end) : end.test(`${what} ${address}`))))
        .map(({ what, address }) => `${what} ${address}`),
    barriers: () => barriersOf(page),
    anotherDevice: () => device('usb'),
    async withoutAutofill() {
      const script = "if ('PublicKeyCredential' in window) PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false)"
      await page.addInitScript(script)
      await page.evaluate(script)
    },
    pictures: (name) => picturesOf(page, name),
    [Symbol.asyncDispose]: () => context.close(),
  }
}

/** The Idempotency-Keys of the writes that are sent there from now on. */
export function keysSent(page: Page, there: (url: URL) => boolean): readonly (string | undefined)[] {
  const keys: (string | undefined)[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST' && there(new URL(request.url()))) keys.push(request.headers()['idempotency-key'])
  })
  return keys
}

/** Authenticators that verify their user and answer by themselves. */
async function passkeyDevices(context: BrowserContext, page: Page): Promise<(transport: 'internal' | 'usb') => Promise<void>> {
  const devtools = await context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  return async (transport) => {
    const kind = { protocol: 'ctap2', transport, hasResidentKey: true, hasUserVerification: true } as const
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { ...kind, isUserVerified: true, automaticPresenceSimulation: true } })
  }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[] }[]
}

/** Rows that come into sight may be higher than they were taken for: until it is the end. */
const TO_THE_END = `(async () => {
  for (let end = -1; end !== document.body.scrollHeight; ) {
    end = document.body.scrollHeight
    scrollTo(0, end)
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
  }
})()`

async function barriersOf(page: Page): Promise<readonly string[]> {
  // Run through the debugger: the page's own policy would not let a script in.
  await page.evaluate(AXE)
  // The bar of a phone lies over what scrolls under it, which axe takes for hidden; at the end of the page it stands in its own place.
  await page.evaluate(TO_THE_END)
  const { violations } = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  )) as AxeResult
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`))
}

async function picturesOf(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.evaluate('scrollTo(0, 0)')
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const [device, size] of [
      ['phone', PHONE],
      ['desk', DESK],
    ] as const) {
      await page.setViewportSize(size)
      // As high as the page: what sticks to an edge stands at its end then.
      const height = Number(await page.evaluate('document.documentElement.scrollHeight'))
      await page.setViewportSize({ width: size.width, height: Math.max(size.height, height) })
      await page.screenshot({ path: join(SCREENSHOTS, `${name}.${device}.${colorScheme}.png`) })
    }
  }
  await page.emulateMedia({ colorScheme: null })
  await page.setViewportSize(PHONE)
}

// Going through a page by the keyboard alone.
import type { Page } from 'playwright-core'

/** Marks what can be acted on, and gives how many that are. */
const MARKED = `(() => {
  const controls = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(
    (each) => each.tabIndex >= 0 && !each.matches(':disabled') && each.getClientRects().length > 0 && getComputedStyle(each).visibility !== 'hidden',
  )
  controls.forEach((each, n) => { each.dataset.control = String(n) })
  return controls.map((each) => each.outerHTML.slice(0, 160))
})()`

/** What has the focus, whether that is seen, and whether something lies over it. */
const FOCUSED = `(() => {
  const at = document.activeElement
  if (at === null || at.dataset.control === undefined) return null
  const host = at.closest('label') ?? at
  const seen = [at, host, ...host.querySelectorAll('*')].some((each) => {
    const style = getComputedStyle(each)
    return style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0
  })
  const { left, top, width, height } = host.getBoundingClientRect()
  const over = document.elementFromPoint(left + width / 2, top + Math.min(height / 2, innerHeight / 2))
  const covered = over === null || !(host.contains(over) || over.contains(host))
  const by = over === null ? 'nothing' : over.outerHTML.slice(0, 80)
  return { control: Number(at.dataset.control), seen, covered: covered ? 'at ' + left + ',' + top + ' of ' + innerHeight + ' by ' + by : '' }
})()`

interface Focused {
  readonly control: number
  readonly seen: boolean
  /** By what; empty where by nothing. */
  readonly covered: string
}

/** What somebody without a mouse would miss: controls that Tab does not come to, whose focus is not seen, or over which something lies. */
export async function missedByKeyboard(page: Page): Promise<readonly string[]> {
  const controls = (await page.evaluate(MARKED)) as readonly string[]
  const reached = new Map<number, Focused>()
  for (let press = 0; press < 2 * controls.length + 10 && reached.size < controls.length; press++) {
    await page.keyboard.press('Tab')
    const focused = (await page.evaluate(FOCUSED)) as Focused | null
    if (focused !== null && !reached.has(focused.control)) reached.set(focused.control, focused)
  }
  return controls.flatMap((what, n) => {
    const focused = reached.get(n)
    if (focused === undefined) return [`not reached: ${what}`]
    if (!focused.seen) return [`focus not seen: ${what}`]
    return focused.covered === '' ? [] : [`covered ${focused.covered}: ${what}`]
  })
}

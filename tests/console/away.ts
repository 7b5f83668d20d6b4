// A service that is away, as the browser is told.
import type { Route } from 'playwright-core'

export const AWAY = {
  type: 'about:blank',
  title: 'A service that this needs is away.',
  status: 503,
  code: 'dependency_down',
  detail: 'Try again in a moment.',
  request_id: '0192f1c4-7a3b-7c55-9d2e-5b1f6a2e8c90',
}

export function away(route: Route): Promise<void> {
  return route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(AWAY) })
}

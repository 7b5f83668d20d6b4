// The codes every service shares (identity page §13.4). They have no dot; a service's own are `area.reason`.
import { refusals } from '@loomworks/kernel'
import { z } from 'zod'

const bare = <const C extends string, S extends number>(code: C, status: S, says: string, remedy: string) => ({ code, status, says, remedy })

export const shared = refusals('', {
  malformed_request: bare('malformed_request', 400, 'The request cannot be read.', 'Send valid JSON and well-formed headers.'),
  ambiguous_credentials: bare('ambiguous_credentials', 400, 'Two credentials came with one request.', 'Send the cookie or the bearer token, not both.'),
  idempotency_key_invalid: bare(
    'idempotency.key_invalid',
    400,
    'The Idempotency-Key is not 1 to 255 visible ASCII characters.',
    'Send a plain or quoted key, a UUID for example.',
  ),
  unauthenticated: bare('unauthenticated', 401, 'This needs a signed-in person.', 'Log in and send the session.'),
  session_expired: bare('session_expired', 401, 'The session has ended.', 'Log in again.'),
  token_refused: bare('token_refused', 401, 'This credential opens nothing.', 'Log in again, or use a valid token.'),
  internal_token_invalid: bare(
    'internal_token_invalid',
    401,
    'The internal token is missing or not valid here.',
    'Ask identity for a token for this audience.',
  ),
  scope_missing: bare('auth.scope_missing', 403, 'The credential does not cover this.', 'Use a credential with the scope this operation names.'),
  role_missing: bare('auth.role_missing', 403, 'This needs a role of the deployment.', 'Ask an administrator for the role.'),
  actor_refused: bare('auth.actor_refused', 403, 'This kind of actor may not do this.', 'Let the person do it.'),
  step_up_required: {
    code: 'step_up_required',
    status: 403,
    says: 'This needs a fresh proof that it is you.',
    remedy: 'Prove it with your passkey and try again.',
    details: z.object({ level: z.enum(['passkey', 'any']) }),
  },
  account_suspended: bare('account_suspended', 403, 'The account is suspended.', 'Store a key of your own, or ask an administrator.'),
  account_locked: bare('account_locked', 403, 'The account is locked.', 'Ask an administrator.'),
  csrf_rejected: bare('csrf_rejected', 403, 'The request came from a page of another origin.', 'Call from an origin that is listed, or send a bearer token.'),
  route_not_found: bare('route_not_found', 404, 'There is nothing at this address.', 'See /openapi.json for what exists.'),
  not_found: bare('not_found', 404, 'There is no such thing here.', 'Check the id.'),
  method_not_allowed: bare('method_not_allowed', 405, 'This address does not take that method.', 'Use a method the Allow header names.'),
  request_timeout: bare('request_timeout', 408, 'The request took too long to arrive.', 'Send it again.'),
  version_mismatch: {
    code: 'version_mismatch',
    status: 412,
    says: 'It has changed since you read it.',
    remedy: 'Read it again and decide anew.',
    details: z.object({ currentVersion: z.int() }),
  },
  body_too_large: bare('body_too_large', 413, 'The body is too large.', 'Send less.'),
  target_too_long: bare('target_too_long', 414, 'The address is too long.', 'Shorten it.'),
  media_type: bare('media_type', 415, 'The body is not of a type this takes.', 'Send application/json.'),
  invalid_body: {
    code: 'invalid_body',
    status: 422,
    says: 'The request does not have the right shape.',
    remedy: 'Mend what `errors` names.',
    details: z.object({ errors: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })) }),
  },
  companion_name_invalid: bare('companion_name_invalid', 422, 'A Companion is named by 1 to 50 visible characters.', 'Choose another name.'),
  rate_limited: bare('rate_limited', 429, 'Too many requests.', 'Wait as long as Retry-After says.'),
  headers_too_large: bare('headers_too_large', 431, 'The headers are too large.', 'Send fewer.'),
  internal: bare('internal', 500, 'Something broke here.', 'Try again; tell the operator the request id if it stays.'),
  not_implemented: bare('not_implemented', 501, 'This server does not do that.', 'Use HTTP/1.1 with a plain request.'),
  upstream_invalid: bare('upstream_invalid', 502, 'A service gave an answer that cannot be used.', 'Try again.'),
  dependency_down: bare('dependency_down', 503, 'Something this needs does not answer.', 'Try again in a moment.'),
  draining: bare('draining', 503, 'This instance is stopping.', 'Try again: another one answers.'),
  upstream_timeout: bare('upstream_timeout', 504, 'A service did not answer in time.', 'Try again.'),
})

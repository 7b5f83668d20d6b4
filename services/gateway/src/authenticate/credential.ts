// Which credential a request carries: the session cookie, or a bearer token. `Authorization: Signup` is none here; identity reads it.
import { tokenHash } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'

export interface Credential {
  /** SHA-256 of the token: the token itself goes no further. */
  readonly hash: string
  readonly by: 'cookie' | 'bearer'
}

export interface CookieNames {
  readonly session: string
  readonly signup: string
}

/** On https the names carry the `__Host-` prefix, on plain localhost they cannot. */
export function cookieNames(publicOrigin: string): CookieNames {
  const prefix = publicOrigin.startsWith('https:') ? '__Host-' : ''
  return { session: `${prefix}lw`, signup: `${prefix}signup` }
}

/** The credential, or undefined where there is none. 400 `ambiguous_credentials` for two. Of another scheme than these it is one that
 *  opens nothing. */
export function credentialOf(cookie: string | undefined, authorization: string | undefined, names: CookieNames): Credential | undefined {
  const session = cookieValue(cookie, names.session)
  const bearer = bearerOf(authorization)
  if (session !== undefined && bearer !== undefined) throw shared.ambiguous_credentials()
  if (bearer !== undefined) return { hash: tokenHash(bearer), by: 'bearer' }
  return session === undefined ? undefined : { hash: tokenHash(session), by: 'cookie' }
}

/** Does a browser send something by itself here that a page of a stranger could ride on? */
export function ridesOnCookie(cookie: string | undefined, authorization: string | undefined, names: CookieNames): boolean {
  if (authorization !== undefined) return false
  return cookieValue(cookie, names.session) !== undefined || cookieValue(cookie, names.signup) !== undefined
}

function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || /^signup /i.test(authorization)) return undefined
  return /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
}

/** The value of a cookie. Two of one name are two credentials: whoever reads them next might take the other. */
function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  let found: string | undefined
  for (const pair of header.split(';')) {
    const [key, value] = pair.trim().split('=', 2)
    if (key !== name || value === undefined || value === '') continue
    if (found !== undefined && found !== value) throw shared.ambiguous_credentials()
    found = value
  }
  return found
}

// The two cookies of identity. On plain http://localhost alone they lose the prefix and Secure, because a browser would drop them.
const SESSION_MAX_AGE_S = 14 * 86_400
const SIGNUP_MAX_AGE_S = 1800

export interface Cookies {
  readonly sessionName: string
  readonly signupName: string
  session(token: string): string
  signup(secret: string): string
  clearSession(): string
  clearSignup(): string
}

export function cookiesFor(publicOrigin: string): Cookies {
  const secure = new URL(publicOrigin).protocol === 'https:'
  const prefix = secure ? '__Host-' : ''
  const cookie = (name: string, value: string, maxAgeS: number) =>
    `${prefix}${name}=${value}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return {
    sessionName: `${prefix}lw`,
    signupName: `${prefix}signup`,
    session: (token) => cookie('lw', token, SESSION_MAX_AGE_S),
    signup: (secret) => cookie('signup', secret, SIGNUP_MAX_AGE_S),
    clearSession: () => cookie('lw', '', 0),
    clearSignup: () => cookie('signup', '', 0),
  }
}

import type { Authenticator, Proven, Registered } from '@loomworks/client'
import { SoftwareAuthenticator } from './authenticator.ts'

type Creation = Parameters<SoftwareAuthenticator['register']>[0]
type Request = Parameters<SoftwareAuthenticator['authenticate']>[0]

/** The passkeys of a person without a browser, for @loomworks/client. `origin` is the page's. */
export function softwarePasskeys(origin: string): Authenticator {
  const software = new SoftwareAuthenticator({ origin })
  return {
    register: async (options) => software.register(options as unknown as Creation) as object as Registered,
    authenticate: async (options) => software.authenticate(options as unknown as Request) as object as Proven,
  }
}

import type { PublicKeyCredentialCreationOptionsJSON as Creation, PublicKeyCredentialRequestOptionsJSON as Request } from '@simplewebauthn/browser'
import { startAuthentication, startRegistration } from '@simplewebauthn/browser'
import type { Authenticator, Proven, Registered } from './ceremonies.ts'

/** The passkeys of the browser. A ceremony that begins ends the one before it, so autofill may wait while a button is pressed.
 *  Options come from identity, which makes them with the server half of the same library. */
export const passkeys: Authenticator = {
  register: (options) => startRegistration({ optionsJSON: options as unknown as Creation }) as Promise<object> as Promise<Registered>,
  authenticate: (options, { autofill }) =>
    startAuthentication({ optionsJSON: options as unknown as Request, useBrowserAutofill: autofill }) as Promise<object> as Promise<Proven>,
}

import type { Factors } from '@loomworks/client'
import { Copy } from './copy.tsx'
import styles from './new-factors.module.css'
import { QrCode } from './qr-code.tsx'
import { RecoveryCodes } from './recovery-codes.tsx'
import { Tick } from './tick.tsx'

interface Props {
  readonly factors: Factors
  readonly isStored: boolean
  readonly onStored: (isStored: boolean) => void
}

/** The secret for the app and the recovery codes, which are shown this once, and the word that they are stored. */
export function NewFactors({ factors, isStored, onStored }: Props) {
  return (
    <>
      <p>Scan this with an authenticator app. It is the second way in, should your device be lost.</p>
      <div className={styles.app}>
        <QrCode text={factors.totp.otpauth_uri} label="Secret for the authenticator app" />
        <p className={styles.secret}>
          <code>{factors.totp.secret}</code>
          <Copy text={factors.totp.secret} label="Copy the secret" />
        </p>
      </div>
      <p>Keep these recovery codes where you keep what you cannot lose. Each works once.</p>
      <RecoveryCodes codes={factors.recovery_codes} />
      <Tick isSelected={isStored} onChange={onStored}>
        I have stored them
      </Tick>
    </>
  )
}

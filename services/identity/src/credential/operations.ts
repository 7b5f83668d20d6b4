// What a person proves themselves by, as they look after it.
import { beginAddPasskeyRoute } from './begin-passkey/route.ts'
import { beginTotpRoute } from './begin-totp/route.ts'
import { clearPasskeyRoute } from './clear-passkey/route.ts'
import { finishAddPasskeyRoute } from './finish-passkey/route.ts'
import { listCredentialsRoute } from './list/route.ts'
import { removePasskeyRoute } from './remove-passkey/route.ts'
import { renamePasskeyRoute } from './rename-passkey/route.ts'
import { renewRecoveryCodesRoute } from './renew-codes/route.ts'
import { verifyTotpOfferRoute } from './verify-totp/route.ts'

export const credentialOperations = [
  listCredentialsRoute,
  beginAddPasskeyRoute,
  finishAddPasskeyRoute,
  renamePasskeyRoute,
  clearPasskeyRoute,
  removePasskeyRoute,
  beginTotpRoute,
  verifyTotpOfferRoute,
  renewRecoveryCodesRoute,
]

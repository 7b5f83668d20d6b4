// A start that would strand what is there is refused in one sentence.
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { startService } from '@loomworks/service-kit'
import { expect, inject, test } from 'vitest'
import { identityBench } from './identity-bench.ts'
import { identity } from './service.ts'
import { signedUp } from './signing-up.ts'

/** Starts identity once more on the same stores, with other settings; it is expected to refuse. */
async function startedAgain(change: Readonly<Record<string, string>>, spoil?: (settings: Readonly<Record<string, string>>) => Promise<void>) {
  await using bench = await identityBench({ adminUrl: inject('adminUrl') })
  await signedUp(bench, { email: 'ada@example.org' })
  await spoil?.(bench.settings)
  return await startService(identity, { ...bench.platform, environment: { ...bench.settings, ...change } })
}

const otherKey = (setting: 'VAULT_KEK_FILE' | 'EMAIL_PEPPER_FILE') => (settings: Readonly<Record<string, string>>) =>
  writeFile(settings[setting] ?? '', randomBytes(32).toString('base64url'))

test.each(['VAULT_KEK_FILE', 'EMAIL_PEPPER_FILE'] as const)('another %s than the data were written under is refused', async (setting) => {
  await expect(startedAgain({}, otherKey(setting))).rejects.toMatchObject({ code: 'key.wrong', message: expect.stringContaining(setting) })
})

test('a key file that is gone is refused, and so is one that holds no key', async () => {
  await expect(startedAgain({}, ({ VAULT_KEK_FILE = '' }) => rm(VAULT_KEK_FILE))).rejects.toMatchObject({ code: 'key.missing' })
  await expect(startedAgain({}, ({ VAULT_KEK_FILE = '' }) => writeFile(VAULT_KEK_FILE, 'short'))).rejects.toMatchObject({ code: 'key.malformed' })
})

test('another RP id is refused: every passkey belongs to the first one', async () => {
  await expect(startedAgain({ RP_ID: 'example.org' })).rejects.toMatchObject({ code: 'deployment.rp_id' })
})

test('a setting that is wrong is named', async () => {
  await expect(startedAgain({ PUBLIC_ORIGIN: 'http://loom.example.org' })).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringContaining('PUBLIC_ORIGIN'),
  })
})

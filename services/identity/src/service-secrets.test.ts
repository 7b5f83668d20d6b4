import { sha256 } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { secretHashes, serviceOfSecret } from './service-secrets.ts'

const hashes = { memory: sha256('woven'), credit: sha256('counted') }

test('a service is who knows its secret', () => {
  expect(serviceOfSecret(hashes, 'Service memory:woven')).toBe('memory')
})

test.each([
  ['the secret of another service', 'Service memory:counted'],
  ['a service without a secret here', 'Service audit:woven'],
  ['a name that is no service', 'Service stranger:woven'],
  ['another scheme', 'Bearer memory:woven'],
  ['nothing', undefined],
])('%s proves nobody', (_what, authorization) => {
  expect(serviceOfSecret(hashes, authorization)).toBeUndefined()
})

test('the hashes are read as they are written, and anything else stops the start', async () => {
  expect(await secretHashes({ text: JSON.stringify(hashes), file: undefined })).toEqual(hashes)
  await expect(secretHashes({ text: '{"memory":"woven"}', file: undefined })).rejects.toMatchObject({ code: 'config.invalid' })
  await expect(secretHashes({ text: undefined, file: 'no-such-file' })).rejects.toMatchObject({ code: 'config.invalid' })
})

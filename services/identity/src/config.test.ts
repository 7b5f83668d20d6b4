import { expect, test } from 'vitest'
import { IdentityConfig } from './config.ts'

const plain = { PUBLIC_ORIGIN: 'http://localhost:4400/', VAULT_KEK_FILE: 'vault.key', EMAIL_PEPPER_FILE: 'pepper.key', SERVICE_SECRETS: '{}' }

test('the RP id is the host of the public origin where it is not said', () => {
  expect(IdentityConfig.parse(plain)).toMatchObject({
    publicOrigin: 'http://localhost:4400',
    rpId: 'localhost',
    settingStandards: {},
    firstPersonIsAdmin: false,
  })
  expect(IdentityConfig.parse({ ...plain, PUBLIC_ORIGIN: 'https://loom.example.org', RP_ID: 'example.org' })).toMatchObject({ rpId: 'example.org' })
})

test.each([
  ['plain http away from localhost', { PUBLIC_ORIGIN: 'http://loom.example.org' }],
  ['no secrets of services', { SERVICE_SECRETS: undefined }],
  ['an unknown mode of signing up', { 'SETTING_SIGNUP.MODE': 'sometimes' }],
  ['a mail server and a mailbox', { SMTP_URL: 'smtp://mail:25', MAIL_FROM: 'loom@example.org', MAILBOX_DIR: '/mail' }],
  ['a mail server without a sender', { SMTP_URL: 'smtp://mail:25' }],
  ['a mail server that is none', { SMTP_URL: 'http://mail', MAIL_FROM: 'loom@example.org' }],
  ['a limit that is no number', { SAGA_OPEN_MAX: 'many' }],
])('%s is no configuration', (_what, change) => {
  expect(IdentityConfig.safeParse({ ...plain, ...change }).success).toBe(false)
})

test.each(['SETTING_SIGNUP.MODE', 'SETTING_SIGNUP_MODE', 'SETTING_signup.mode'])('%s closes the signup', (name) => {
  expect(IdentityConfig.parse({ ...plain, [name]: 'closed' })).toMatchObject({ settingStandards: { 'signup.mode': 'closed' } })
})

test('what is not text is read as JSON', () => {
  expect(IdentityConfig.parse({ ...plain, SETTING_CREDIT_WARNING_DAYS: '[30,3]', 'SETTING_CREDIT.LICENSE_DAYS': '90' }).settingStandards).toEqual({
    'credit.warning_days': [30, 3],
    'credit.license_days': 90,
  })
})

import { expect, test } from 'vitest'
import { emailHint } from './hint.ts'

test.each([
  ['jane.doe@example.com', 'j•••@e•••.com'],
  ['j@mail.example.co.uk', 'j•••@m•••.uk'],
  ['ändern@localhost', 'ä•••@l•••'],
])('%s is hinted at as %s', (email, hint) => {
  expect(emailHint(email)).toBe(hint)
})

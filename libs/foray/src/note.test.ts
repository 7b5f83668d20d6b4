import { expect, test } from 'vitest'
import { checkpointText, noteSigner, openNote, parseCheckpoint } from './note.ts'

const signer = noteSigner('localhost/audit/one', Buffer.alloc(32, 1))
const checkpoint = { origin: signer.name, size: 3, root: Buffer.alloc(32, 9) }

test('a checkpoint is three lines, and reads back', () => {
  const text = checkpointText(checkpoint)
  expect(text).toBe(`localhost/audit/one\n3\n${Buffer.alloc(32, 9).toString('base64')}\n`)
  expect(parseCheckpoint(text)).toEqual(checkpoint)
  for (const broken of ['', 'a\n03\n', text.slice(1).slice(0, -1), text.replace('\n3\n', '\n-3\n')]) expect(parseCheckpoint(broken)).toBeUndefined()
})

test('a signed note opens under its own key', () => {
  const note = signer.sign(checkpointText(checkpoint))
  expect(note).toMatch(/\n\n— localhost\/audit\/one [A-Za-z0-9+/=]+\n$/)
  expect(openNote(note, signer.verifierKey)).toBe(checkpointText(checkpoint))
})

test('a note does not open when a letter was changed, under another key, or without a signature', () => {
  const note = signer.sign(checkpointText(checkpoint))
  expect(openNote(note.replace('\n3\n', '\n4\n'), signer.verifierKey)).toBeUndefined()
  expect(openNote(note, noteSigner('localhost/audit/one', Buffer.alloc(32, 2)).verifierKey)).toBeUndefined()
  expect(openNote(note, noteSigner('localhost/audit/two', Buffer.alloc(32, 1)).verifierKey)).toBeUndefined()
  expect(openNote(checkpointText(checkpoint), signer.verifierKey)).toBeUndefined()
})

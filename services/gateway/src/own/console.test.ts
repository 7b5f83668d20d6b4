import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { consoleFiles } from './console.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lw-console-'))
  mkdirSync(join(path, 'assets'))
  writeFileSync(join(path, 'index.html'), '<!doctype html>')
  writeFileSync(join(path, 'icon.svg'), '<svg/>')
  writeFileSync(join(path, 'assets', 'app-1234.js'), 'export {}')
  writeFileSync(join(path, 'assets', 'app-1234.js.br'), 'br')
  writeFileSync(join(path, 'assets', 'app-1234.js.gz'), 'gz')
  writeFileSync(join(path, 'secret.key'), 'no')
  return path
}

const files = consoleFiles(folder())
const HTML = { accept: 'text/html,*/*' }

describe('the console', () => {
  test.each(['/console/', '/console/settings', '/console/engagements/E1000', '/claim'])('%s is its page, kept for no time and in nobody’s frame', (path) => {
    const answer = files.find(path, {})
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' } })
    expect(answer?.headers['content-security-policy']).toMatch(/script-src 'self'; style-src 'self';.*frame-ancestors 'none'/)
    expect(answer?.headers['content-security-policy']).not.toContain('unsafe')
  })

  test('/ is its page for whom asks for one, and the index for programs', () => {
    expect(files.find('/', HTML)?.status).toBe(200)
    expect(files.find('/', { accept: 'application/json' })).toBeUndefined()
  })

  test('a name with its content’s hash may be kept for ever, and comes as small as the client takes it', () => {
    const file = (encoding?: string) => files.find('/console/assets/app-1234.js', encoding === undefined ? {} : { 'accept-encoding': encoding })
    expect(file()).toMatchObject({ headers: { 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' } })
    expect(file()?.body?.toString()).toBe('export {}')
    expect(file('gzip, br')).toMatchObject({ headers: { 'content-encoding': 'br', 'content-length': '2' } })
    expect(file('gzip, br;q=0')?.headers['content-encoding']).toBe('gzip')
    expect(file('identity')?.headers).not.toHaveProperty('content-encoding')
  })

  test('what has not changed is not sent again', () => {
    const etag = files.find('/console/', {})?.headers.etag ?? ''
    expect(files.find('/console/', { 'if-none-match': etag })).toMatchObject({ status: 304, body: undefined })
  })

  test.each(['/console/assets/other.js', '/console/secret.key', '/console/../secret.key', '/consoles', '/console/assets/../secret.key'])(
    '%s is nothing',
    (path) => {
      expect(files.find(path, HTML)).toBeUndefined()
    },
  )

  test('/console is sent on', () => {
    expect(files.find('/console', {})).toMatchObject({ status: 308, headers: { location: '/console/' } })
  })

  test('a deployment without its files has none', () => {
    expect(consoleFiles(undefined).find('/console/', HTML)).toBeUndefined()
    expect(consoleFiles(join(tmpdir(), 'not-there')).find('/console/', HTML)).toBeUndefined()
  })
})

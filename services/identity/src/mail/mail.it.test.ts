import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { newId } from '@loomworks/kernel'
import { silentLog } from '@loomworks/service-kit'
import { exec, many, sql } from '@loomworks/sql'
import { eventually, fakeClock } from '@loomworks/testing'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { keyringOf } from '../keyring.ts'
import { signedUp } from '../signing-up.ts'
import { deliverDue, mailOn, type Queued } from './mail.ts'
import { type Letter, type MailTransport, smtpTransport } from './transport.ts'

const KEYRING = keyringOf(Buffer.alloc(32, 7))
const LetterRow = z.object({ key: z.string(), state: z.string(), sealed: z.instanceof(Buffer).nullable(), tries: z.int(), error_class: z.string().nullable() })
const clock = fakeClock()
let bench: IdentityBench
let mailbox: string
beforeAll(async () => {
  mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
  bench = await identityBench({ adminUrl: inject('adminUrl'), environment: { MAILBOX_DIR: mailbox } })
})
afterAll(() => bench[Symbol.asyncDispose]())

/** The port on the bench's database with a transport of the test's own. */
function portWith(deliver: MailTransport['deliver']) {
  const options = { db: bench.db, keyring: KEYRING, clock, log: silentLog, host: 'example.org', transport: { deliver, close: () => undefined } }
  const mail = mailOn(options)
  return {
    send: (letter: Partial<Queued<'email_code'>> = {}) =>
      bench.db.transaction((tx) =>
        mail.send(tx, { key: newId(), to: 'ada@example.org', template: 'email_code', data: { code: '123456', minutes: 15 }, ...letter }),
      ),
    round: () => deliverDue(options),
  }
}
const rows = () => many(bench.db, LetterRow, sql`select key, state, sealed, tries, error_class from identity.mail_log order by created_at, key`)
beforeEach(() => exec(bench.db, sql`delete from identity.mail_log`))

describe('a letter', () => {
  test('is handed on once, and then nobody can read it here', async () => {
    const sent: Letter[] = []
    const { send, round } = portWith(async (letter) => void sent.push(letter))
    expect(await send({ key: 'k' })).toBe(true)
    expect((await rows())[0]?.sealed?.toString()).not.toContain('ada@')
    await round()
    await round()
    expect(sent).toMatchObject([{ to: 'ada@example.org', subject: 'Your Loomworks code', messageId: expect.stringMatching(/^<[0-9a-f]{32}@example\.org>$/) }])
    expect(sent[0]?.text).toContain('123456')
    expect(await rows()).toMatchObject([{ key: 'k', state: 'sent', sealed: null, tries: 1 }])
  })

  test('under a key that was used is not queued, not even after it was sent', async () => {
    const { send, round } = portWith(async () => undefined)
    expect([await send({ key: 'k' }), await send({ key: 'k' })]).toEqual([true, false])
    await round()
    expect(await send({ key: 'k' })).toBe(false)
    expect(await rows()).toHaveLength(1)
  })

  test('of a transaction that did not happen is not sent', async () => {
    const sent: Letter[] = []
    const { round } = portWith(async (letter) => void sent.push(letter))
    const mail = mailOn({ db: bench.db, keyring: KEYRING, clock, log: silentLog, host: 'example.org', transport: undefined })
    const undone = bench.db.transaction(async (tx) => {
      await mail.send(tx, { key: 'k', to: 'ada@example.org', template: 'address_known', data: {} })
      throw new Error('no')
    })
    await expect(undone).rejects.toThrow('no')
    await round()
    expect(sent).toEqual([])
  })

  test('that cannot be handed on waits longer each time, and is given up after a day', async () => {
    let tries = 0
    const { send, round } = portWith(() => {
      tries++
      return Promise.reject(Object.assign(new Error('550 ada@example.org is full'), { code: 'EENVELOPE', responseCode: 550 }))
    })
    await send()
    await round()
    await round()
    expect(tries).toBe(1)
    clock.advance(5000)
    await round()
    expect(tries).toBe(2)
    expect(await rows()).toMatchObject([{ state: 'queued', tries: 2, error_class: 'EENVELOPE 550' }])
    clock.advance(86_400_001)
    await round()
    expect(await rows()).toMatchObject([{ state: 'failed', sealed: null, tries: 3 }])
  })

  test.each([
    ['was sealed under a key that is gone', sql`sealed = ${keyringOf(Buffer.alloc(32, 8)).seal('mail', Buffer.from('{}'), 'bad')}`, 'Error'],
    ['holds no letter', sql`sealed = ${KEYRING.seal('mail', Buffer.from('{}'), 'bad')}`, 'ZodError'],
    ['does not say what its template asks', sql`template = 'account_warning'`, 'ZodError'],
    ['is of a template that there is no more', sql`template = 'of_before'`, 'ZodError'],
  ])('that %s stops no other, and is given up and forgotten after a day', async (_what, change, error_class) => {
    const sent: Letter[] = []
    const { send, round } = portWith(async (letter) => void sent.push(letter))
    await send({ key: 'bad' })
    await exec(bench.db, sql`update identity.mail_log set ${change} where key = 'bad'`)
    clock.advance(1)
    for (let n = 0; n < 3; n++) await send({ key: `good ${n}` })
    await round()
    expect(sent).toHaveLength(3)
    expect(await rows()).toMatchObject([{ key: 'bad', state: 'queued', tries: 1, error_class }, { state: 'sent' }, { state: 'sent' }, { state: 'sent' }])
    clock.advance(86_400_001)
    await round()
    expect((await rows())[0]).toMatchObject({ key: 'bad', state: 'failed', sealed: null, tries: 2, error_class })
  })

  test('of a worker that died with it is taken by another one', async () => {
    const { send, round } = portWith(async () => undefined)
    await send()
    await exec(bench.db, sql`update identity.mail_log set due_at = due_at + interval '60 seconds', tries = 1`)
    await round()
    expect(await rows()).toMatchObject([{ state: 'queued' }])
    clock.advance(60_000)
    await round()
    expect(await rows()).toMatchObject([{ state: 'sent', tries: 2 }])
  })

  test('that is queued while the worker waits goes out at once, and a worker that waits long listens once', async () => {
    let sent = 0
    const warned: string[] = []
    const hear = ({ name }: Error) => void warned.push(name)
    process.on('warning', hear)
    const transport = { deliver: async () => void sent++, close: () => undefined }
    const mail = mailOn({ db: bench.db, keyring: KEYRING, clock, log: silentLog, host: 'example.org', transport })
    const stopping = new AbortController()
    const working = mail.worker.run(stopping.signal)
    for (let n = 1; n <= 15; n++) {
      await bench.db.transaction((tx) => mail.send(tx, { key: newId(), to: 'ada@example.org', template: 'address_known', data: {} }))
      await eventually(() => expect(sent).toBe(n))
    }
    stopping.abort()
    await working
    process.off('warning', hear)
    expect(warned).toEqual([])
  })

  test('is one letter, however many workers look at once', async () => {
    let sent = 0
    const { send, round } = portWith(async () => void sent++)
    for (let n = 0; n < 20; n++) await send()
    await Promise.all(Array.from({ length: 8 }, round))
    await round()
    expect(sent).toBe(20)
  })
})

describe('a mail server', () => {
  test('gets the letter as it is', async () => {
    const got: { from: string; to: readonly string[]; text: string }[] = []
    const server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData(stream, session, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope
          got.push({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() })
          done()
        })
      },
    })
    await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
    const { port } = server.server.address() as { port: number }
    const transport = smtpTransport(`smtp://127.0.0.1:${port}`, 'loomworks@example.org')
    const { send, round } = portWith(transport.deliver)
    await send({ to: 'grace@example.org' })
    await round()
    transport.close()
    await new Promise<void>((closed) => void server.close(closed))
    expect(got).toMatchObject([{ from: 'loomworks@example.org', to: ['grace@example.org'] }])
    expect(got[0]?.text).toMatch(/^Subject: Your Loomworks code\r$/m)
  })

  test('that is not there loses nothing', async () => {
    const transport = smtpTransport('smtp://127.0.0.1:9', 'loomworks@example.org')
    const { send, round } = portWith(transport.deliver)
    await send()
    await round()
    transport.close()
    expect(await rows()).toMatchObject([{ state: 'queued', tries: 1 }])
  })
})

describe('another service', () => {
  const warning = (personId: string, key: string) => ({ personId, template: 'account_warning', data: { kind: 'near_exhaustion' }, key })

  test('has a letter sent to a person whose address it never sees, once for its key', async () => {
    const ada = await signedUp(bench, { email: 'ada.mail@example.org' })
    expect(await bench.internal('credit', 'POST', '/internal/mail:send', warning(ada.personId, 'w1'))).toMatchObject({ status: 202, body: { queued: true } })
    expect(await bench.internal('credit', 'POST', '/internal/mail:send', warning(ada.personId, 'w1'))).toMatchObject({ status: 202, body: { queued: false } })
    const letter = await eventually(async () => {
      const [file = ''] = (await readdir(mailbox)).filter((name) => name.endsWith('.eml'))
      return readFile(path.join(mailbox, file), 'utf8')
    })
    expect(letter).toMatch(/^To: ada\.mail@example\.org$/m)
    expect(letter).toMatch(/^Subject: Your credit is running out$/m)
  })

  test.each([
    ['nobody', 'credit', '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', {}, 404, 'not_found'],
    ['a template that is not theirs', 'credit', '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', { template: 'email_code' }, 422, 'invalid_body'],
    ['data of another template', 'credit', '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', { data: { code: '1' } }, 422, 'invalid_body'],
    ['somebody who may not', 'memory', '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', {}, 403, 'auth.actor_refused'],
  ] as const)('is refused: %s', async (_what, from, personId, more, status, code) => {
    expect(await bench.internal(from, 'POST', '/internal/mail:send', { ...warning(personId, 'x'), ...more })).toMatchObject({ status, body: { code } })
  })
})

test('without a mail server and a mailbox what needs a letter is refused', async () => {
  const mute = await identityBench({ adminUrl: inject('adminUrl') })
  const body = { personId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', template: 'account_warning', data: { kind: 'exhausted' }, key: 'x' }
  expect(await mute.internal('credit', 'POST', '/internal/mail:send', body)).toMatchObject({ status: 503, body: { code: 'mail.not_configured' } })
  await mute[Symbol.asyncDispose]()
})

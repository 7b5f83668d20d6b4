// How letters leave: over SMTP, or, where a deployment is one machine, into a folder that its owner can open. Both compose the same MIME message.
import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'

export interface Letter {
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for the same letter, so that a mail server can tell a repetition. */
  readonly messageId: string
  /** RFC 3339. */
  readonly at: string
}

export interface MailTransport {
  /** Resolves when somebody else is responsible for the letter; throws otherwise, and then it may be sent again. */
  deliver(letter: Letter): Promise<void>
  close(): void
}

const ANSWER_WITHIN_MS = 10_000

/** `smtp[s]://user:password@host:port` (RFC 5321); a connection is kept and used again. */
export function smtpTransport(url: string, from: string): MailTransport {
  const transport = createTransport(
    { url, pool: true, maxConnections: 2, connectionTimeout: ANSWER_WITHIN_MS, greetingTimeout: ANSWER_WITHIN_MS, socketTimeout: ANSWER_WITHIN_MS },
    { from },
  )
  return {
    deliver: async (letter) => void (await transport.sendMail(messageOf(letter))),
    close: () => transport.close(),
  }
}

/** Writes each letter as `<time>-<id>.eml` (RFC 5322); a file is never seen half written. */
export function folderTransport(folder: string, from: string): MailTransport {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' }, { from })
  return {
    async deliver(letter) {
      const { message } = await composer.sendMail(messageOf(letter))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const name = join(folder, `${letter.at.replaceAll(':', '-')}-${randomUUID().slice(0, 8)}`)
      await writeFile(`${name}.part`, message, { mode: 0o600 })
      await rename(`${name}.part`, `${name}.eml`)
    },
    close: () => composer.close(),
  }
}

function messageOf({ to, subject, text, messageId, at }: Letter) {
  return { to: { name: '', address: to }, subject, text, messageId, date: at }
}

// The letters there are. Each is a value: what it needs to know, and what it says. None has a link that logs anybody in.
import { z } from 'zod'

interface Template<S extends z.ZodType = z.ZodType> {
  readonly data: S
  subject(data: z.output<S>): string
  /** Paragraphs, plain text. */
  text(data: z.output<S>): readonly string[]
}

/** Ties what a letter says to the data it is given. */
function template<S extends z.ZodType>(made: Template<S>): Template<S> {
  return made
}

const SIGNED = 'This letter was sent by your Loomworks deployment. It never asks you to reply with a code.'
const NOTHING_TO_DO = 'If this was you, there is nothing to do.'
const NOT_YOU = 'If it was not you, log in, look at your sessions and passkeys under Settings, and remove what you do not know.'

export const TEMPLATES = {
  email_code: template({
    data: z.strictObject({ code: z.string(), minutes: z.int() }),
    subject: () => 'Your Loomworks code',
    text: ({ code, minutes }) => [
      `Your code is ${code}. It is good for ${minutes} minutes.`,
      'Enter it where you were asked for it. If you were not asked for it, somebody else typed your address: nothing happens without the code.',
    ],
  }),
  address_known: template({
    data: z.strictObject({}),
    subject: () => 'You already have a Loomworks account',
    text: () => [
      'Somebody began to sign up with this address, which has an account already. No second one was made.',
      'To get in, log in with your passkey, or with your authenticator app and a recovery code.',
    ],
  }),
  address_wanted: template({
    data: z.strictObject({}),
    subject: () => 'Somebody asked for your Loomworks address',
    text: () => [
      'Somebody asked to have this address for their account. It is the address of yours, and stays so: nothing was changed.',
      'If this was you, log in to the account that has this address and give it another one first.',
    ],
  }),
  email_changed: template({
    data: z.strictObject({}),
    subject: () => 'Your Loomworks address was changed',
    text: () => ['The address of your account is another one now. This letter goes to the former one.', NOTHING_TO_DO, NOT_YOU],
  }),
  recovery_used: template({
    data: z.strictObject({ codesLeft: z.int() }),
    subject: () => 'A recovery code was used',
    text: ({ codesLeft }) => [`Somebody got into your account with a recovery code. ${codesLeft} are left.`, NOTHING_TO_DO, NOT_YOU],
  }),
  enrolment_token: template({
    data: z.strictObject({ token: z.string(), usableFrom: z.string(), expiresAt: z.string() }),
    subject: () => 'A new way into your Loomworks account',
    text: ({ token, usableFrom, expiresAt }) => [
      `An administrator made you a token to set up a new passkey: ${token}`,
      `It works from ${usableFrom} to ${expiresAt}. The wait is so that you can stop it: log in and cancel it under Settings if you did not ask for it.`,
    ],
  }),
  account_warning: template({
    data: z.strictObject({ kind: z.enum(['near_exhaustion', 'exhausted', 'suspended', 'deletion_ahead']), days: z.int().min(0).optional() }),
    subject: ({ kind }) => WARNINGS[kind].subject,
    text: ({ kind, days }) => [WARNINGS[kind].text, ...(days === undefined ? [] : [`This happens in ${days} ${days === 1 ? 'day' : 'days'}.`])],
  }),
} as const

const WARNINGS = {
  near_exhaustion: { subject: 'Your credit is running out', text: 'Little of your credit is left. You can store a key of your own under Settings.' },
  exhausted: { subject: 'Your credit is used up', text: 'Your Companion answers by rules until there is credit again, or a key of your own.' },
  suspended: { subject: 'Your account is suspended', text: 'Your account can be looked at and exported. A key of your own under Settings ends this.' },
  deletion_ahead: {
    subject: 'Your account is about to be deleted',
    text: 'Your account and everything in it will be deleted. A key of your own, or credit, keeps it.',
  },
} as const

export type TemplateName = keyof typeof TEMPLATES
export const TemplateName = z.enum(Object.keys(TEMPLATES) as [TemplateName, ...TemplateName[]])
export type TemplateData<T extends TemplateName> = z.input<(typeof TEMPLATES)[T]['data']>

export interface Composed {
  readonly subject: string
  readonly text: string
}

/** The letter as it is read. Throws a ZodError where the data is not the template's. */
export function composed(name: TemplateName, data: unknown): Composed {
  const { data: schema, subject, text } = TEMPLATES[name] as Template
  const known = schema.parse(data)
  return { subject: subject(known), text: `${[...text(known), SIGNED].join('\n\n')}\n` }
}

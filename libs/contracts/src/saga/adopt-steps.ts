// The step that adopting a person has beside those it shares with the signup (saga page §3): for persons who were imported, or found without a
// personal engagement.
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { At } from '../fields.ts'
import { stepMessage } from '../message.ts'

const person = idOf<'person'>()

/** The pivot: the personal engagement is the person's, and both memberships count. It never refuses. */
export const attachEngagement = stepMessage({
  service: 'identity',
  step: 'attach',
  do: z.strictObject({ personId: person, engagementId: idOf<'engagement'>() }),
  done: z.strictObject({ attachedAt: At }),
  fails: {},
  sample: {
    do: { personId: '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11', engagementId: '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c22' },
    done: { attachedAt: '2030-01-02T03:04:05.678Z' },
  },
})

/** What an adopt saga is started with. */
export const AdoptInput = z.strictObject({ personId: person, attempt: z.int().min(1) })
export type AdoptInput = Readonly<z.output<typeof AdoptInput>>

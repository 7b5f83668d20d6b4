// What every service that publishes facts does for the saga tool: a fact of its own that died with one of its readers goes out again
// under the name of who published it. Nobody else has the right to that subject.
import type { Bus } from '@loomworks/bus'
import type { ServiceName } from '@loomworks/kernel'
import { z } from 'zod'
import { type Operation, operation } from './operation.ts'
import { shared } from './shared-refusals.ts'

const PUBLISH_MS = 3000
const Message = z.strictObject({
  subject: z.string().regex(/^evt\.[a-z]+\.[0-7]\.[A-Za-z0-9-]{1,64}\.[A-Za-z]{1,64}$/),
  id: z.string().min(1).max(300),
  headers: z.record(z.string(), z.string()),
  data: z.string(),
})

export function messageOperations(service: ServiceName, bus: Pick<Bus, 'publish'>): readonly Operation<unknown>[] {
  return [
    operation({
      post: '/internal/messages',
      id: 'republishMessage',
      summary: 'Publishes a fact of this service once more',
      internal: { auth: 'token', callers: ['identity'] },
      body: Message,
      reply: z.object({ duplicate: z.boolean() }),
      refuses: [shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],
      async answer({ body }, _parts: unknown) {
        if (!body.subject.startsWith(`evt.${service}.`)) throw shared.actor_refused()
        const { duplicate } = await bus.publish(body, { deadlineMs: PUBLISH_MS })
        return { duplicate }
      },
    }),
  ]
}

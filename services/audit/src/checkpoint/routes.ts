import { Answered, operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { checkpoint } from '../errors.ts'
import { newestCheckpoint } from '../log/queries.ts'
import type { AuditParts } from '../parts.ts'

const open = { actors: ['anonymous', 'person', 'companion', 'agent'], object: 'checkpoint', relation: 'none', hide: false } as const
const TEXT = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' }

export const checkpointRoute = operation({
  get: '/checkpoint',
  id: 'checkpoint',
  summary: 'The newest signed checkpoint of the log',
  authz: open,
  reply: z.string(),
  refuses: [checkpoint.unknown],

  async answer(_request, { db }: AuditParts) {
    const newest = await newestCheckpoint(db)
    if (newest === undefined) throw checkpoint.unknown()
    return new Answered(200, newest.note, { headers: TEXT })
  },
})

/** What a verifier needs to know beforehand (C2SP tlog-policy): the log and its key. No witness yet, so none is asked for. */
export const policyRoute = operation({
  get: '/checkpoint/policy',
  id: 'checkpointPolicy',
  summary: 'The key of the log, and whose signatures a checkpoint needs',
  authz: open,
  reply: z.string(),
  refuses: [checkpoint.unknown],

  async answer(_request, { db, signer, config }: AuditParts) {
    if ((await newestCheckpoint(db)) === undefined) throw checkpoint.unknown()
    return new Answered(200, `log ${signer.verifierKey} ${config.publicOrigin}\nquorum none\n`, { headers: TEXT })
  },
})

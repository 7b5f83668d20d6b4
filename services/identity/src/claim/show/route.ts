import { ClaimInput, claim, memberClaim } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { hasEnded } from '@loomworks/sagas'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { refusalOfCode, saga } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { Claimed, claimedOf, Pending } from '../shown.ts'

export const showClaimRoute = operation({
  get: '/me/claims/:id',
  id: 'showClaim',
  summary: 'What became of a claim',
  authz: { actors: ['person'], scope: 'account.read', object: 'claim', idFrom: 'params.id', relation: 'self', restricted: ['suspended'], hide: true },
  params: z.object({ id: idOf<'saga'>() }),
  reply: Claimed,
  also: { 202: Pending },
  refuses: [...Object.values(claim), ...Object.values(memberClaim), saga.step_error, saga.cancelled, shared.not_found, shared.invalid_body],

  async answer({ params, caller }, { sagas }: IdentityParts) {
    const view = await sagas.status(params.id)
    const input = ClaimInput.safeParse(view?.input)
    if (view?.definition !== 'claim' || !input.success || input.data.personId !== selfOf(caller)) throw shared.not_found()
    if (view.state === 'completed') return claimedOf(view)
    if (!hasEnded(view)) return new Answered(202, { id: view.id, state: 'pending', status_url: `/me/claims/${view.id}` })
    throw refusalOfCode(view.code ?? saga.step_error.code)
  },
})

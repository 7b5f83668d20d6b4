import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { signedUp } from '../signing-up.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

test('who shows a passkey and a code becomes a person', async () => {
  const t=setTimeout(async()=>{ const r=await bench.db.query({text:'select saga_id,state,outstanding,next_due_at,code from identity.saga_open',values:[]}); const f=await bench.db.query({text:'select step,state,reply from identity.saga_fence',values:[]}); const m=await bench.db.query({text:'select subject,data from bus.message order by seq',values:[]}); const d=await bench.db.query({text:'select * from bus.delivery',values:[]}); console.log(JSON.stringify([r.rows,f.rows,m.rows,d.rows.map(x=>({...x,seq:String(x.seq)}))],null,1))},1500)
  const ada = await signedUp(bench, { email: 'Ada@example.org' })
  const me = await bench.ask('GET', '/me', { session: ada.session })
  expect(me.status).toBe(200)
  expect(me.body).toMatchObject({
    id: ada.personId,
    email: 'Ada@example.org',
    display_name: 'Ada',
    companion_name: 'Companion',
    account_status: 'active',
    recovery_codes_left: 10,
  })
})

// Secrets at each place: list, keep, remove (identity page §8). A value is only ever sent in.
import { SecretKind, SecretName } from '@loomworks/contracts'
import { Answered, type Operation, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { vault as refuse } from '../errors.ts'
import type { IdentityParts } from '../parts.ts'
import { beyond, changingAt, PLACES, type Place } from '../places.ts'
import { keepSecret, removeSecret, SecretShown, secretsAt } from '../vault.ts'

const VALUE_BYTES = 8192

const List = z.object({ items: z.array(SecretShown) })
const KeepBody = z.strictObject({
  value: z
    .string()
    .min(1)
    .refine((value) => Buffer.byteLength(value) <= VALUE_BYTES, { message: `has at most ${VALUE_BYTES} bytes` }),
  kind: SecretKind,
  label: z.string().trim().min(1).max(80).optional(),
})

/** All operations on secrets, at every place. */
export const secretOperations: readonly Operation<IdentityParts>[] = PLACES.flatMap((place) => [listed(place), kept(place), removed(place)])

function listed(place: Place): Operation<IdentityParts> {
  return operation({
    get: `${place.path}/secrets`,
    id: `list${place.idPart}Secrets`,
    summary: `Which secrets are kept: ${place.says}`,
    authz: place.reading,
    params: place.params,
    reply: List,
    refuses: [...beyond(place, 'read')],
    async answer(request, parts: IdentityParts) {
      return { items: [...(await secretsAt(parts.db, await place.find(request, parts.db)))] }
    },
  })
}

function kept(place: Place): Operation<IdentityParts> {
  return operation({
    put: `${place.path}/secrets/:name`,
    id: `keep${place.idPart}Secret`,
    summary: `Keep a secret, in place of the one before: ${place.says}`,
    authz: place.keeping,
    params: named(place),
    body: KeepBody,
    reply: z.undefined(),
    status: 204,
    refuses: [...beyond(place, 'write'), refuse.limit, shared.account_suspended, shared.invalid_body],
    async answer(request, parts: IdentityParts) {
      const { value, kind, label } = request.body
      await changingAt(place, request, parts, async (tx, ref) => {
        // Who is suspended may keep a key, and nothing else.
        if (kind !== 'api_key' && request.token.account === 'suspended') throw shared.account_suspended()
        await keepSecret(tx, parts, ref, { name: nameIn(request), kind, label, value, caller: request.caller })
      })
      return new Answered(204, undefined)
    },
  })
}

function removed(place: Place): Operation<IdentityParts> {
  return operation({
    delete: `${place.path}/secrets/:name`,
    id: `remove${place.idPart}Secret`,
    summary: `Remove a secret: ${place.says}`,
    authz: place.removing,
    params: named(place),
    reply: z.undefined(),
    status: 204,
    refuses: [...beyond(place, 'write'), refuse.unknown, shared.invalid_body],
    async answer(request, parts: IdentityParts) {
      await changingAt(place, request, parts, (tx, ref) => removeSecret(tx, parts, ref, { name: nameIn(request), caller: request.caller }))
      return new Answered(204, undefined)
    },
  })
}

/** Made once for each place, when the list of operations is. */
function named(place: Place) {
  return place.params.extend({ name: SecretName })
}

function nameIn({ params }: { readonly params: unknown }): string {
  return SecretName.parse((params as { readonly name?: unknown }).name)
}

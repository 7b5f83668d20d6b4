// How a service proves itself to identity: `Authorization: Service <name>:<secret>`. Identity knows SHA-256 of each secret only.
import { readFile } from 'node:fs/promises'
import { equalSecrets, ServiceName, sha256, Terminal } from '@loomworks/kernel'
import { z } from 'zod'

const Hashes = z.partialRecord(ServiceName, z.string().regex(/^[0-9a-f]{64}$/))
export type SecretHashes = z.output<typeof Hashes>

/** The hashes out of the setting itself or the file it names: `{ "<service>": "<SHA-256 of its secret, hex>" }`. */
export async function secretHashes(source: { readonly text: string | undefined; readonly file: string | undefined }): Promise<SecretHashes> {
  const text = source.text ?? (await readFile(source.file ?? '', 'utf8').catch(() => undefined))
  const parsed = Hashes.safeParse(jsonOf(text))
  if (!parsed.success) throw new Terminal('config.invalid', 'SERVICE_SECRETS_FILE does not hold {"<service>": "<SHA-256 in hex>"}. Write the file anew.')
  return parsed.data
}

/** The service that an `Authorization` header proves, or undefined. */
export function serviceOfSecret(hashes: SecretHashes, authorization: string | undefined): ServiceName | undefined {
  const [, name, secret] = /^Service ([a-z]+):(.{1,200})$/.exec(authorization ?? '') ?? []
  const service = ServiceName.safeParse(name).data
  const known = service === undefined ? undefined : hashes[service]
  return known !== undefined && secret !== undefined && equalSecrets(known, sha256(secret)) ? service : undefined
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

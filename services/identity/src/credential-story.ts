// What the tests about factors look at.
import type { IdentityBench } from './identity-bench.ts'

/** So many facts about a person are told by their signup. */
const OF_SIGNUP = 6

export async function toldSinceSignup(bench: IdentityBench, personId: string) {
  const facts = (await bench.told(/^Credential/, personId)).map(({ type, revision = 0, data }) => ({ type, revision, ...data }))
  return facts.filter(({ revision }) => revision > OF_SIGNUP)
}

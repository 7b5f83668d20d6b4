// Subject filters of NATS: tokens by dots, `*` for one, `>` for the rest. A consumer's filters may not overlap there, so those that
// do become one that takes all they took, perhaps a little more; a handler acknowledges what it does not know.

/** Does `wide` take every subject that `narrow` takes? */
export function covers(wide: string, narrow: string): boolean {
  const [w, n] = [wide.split('.'), narrow.split('.')]
  for (const [at, token] of w.entries()) {
    const other = n[at]
    if (other === undefined) return false
    if (token === '>') return true
    if (other === '>' || (token !== '*' && token !== other)) return false
  }
  return w.length === n.length
}

/** The filters as a consumer of NATS may have them, so that each is taken. */
export function disjoint(filters: readonly string[]): readonly string[] {
  const kept: string[] = []
  for (const filter of filters) {
    let added = filter
    for (;;) {
      const at = kept.findIndex((each) => collide(each, added))
      if (at < 0) break
      for (const each of kept.splice(at, 1)) added = both(each, added)
    }
    kept.push(added)
  }
  return kept
}

/** Is there a subject that both take? */
function collide(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')]
  for (const [at, token] of a.entries()) {
    const across = b[at]
    if (across === undefined) return false
    if (token === '>' || across === '>') return true
    if (token !== '*' && across !== '*' && token !== across) return false
  }
  return a.length === b.length
}

function both(one: string, other: string): string {
  if (covers(one, other)) return one
  if (covers(other, one)) return other
  const [a, b] = [one.split('.'), other.split('.')]
  const tokens: string[] = []
  for (const [at, token] of a.entries()) {
    const across = b[at]
    if (token === '>' || across === '>') return [...tokens, '>'].join('.')
    tokens.push(token === across ? token : '*')
  }
  return tokens.join('.')
}

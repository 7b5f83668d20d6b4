// Visible SQL, always bound: sql`select … where id = ${id}` keeps text and values apart, and nests.

export interface Sql {
  readonly text: string
  readonly values: readonly unknown[]
  /** Prepared under this name on each connection; absent for one-off statements. */
  readonly name?: string
}

/** Tagged template: an interpolated value becomes a bound parameter, an interpolated `Sql` is spliced in. */
export function sql(strings: TemplateStringsArray, ...parts: readonly unknown[]): Sql {
  const values: unknown[] = []
  let text = ''
  strings.forEach((string, index) => {
    text += string
    if (index >= parts.length) return
    const part = parts[index]
    text += isSql(part) ? spliced(part, values) : `$${values.push(part)}`
  })
  return { text, values }
}

/** An identifier out of a closed set of ours, quoted. Never give it text from outside. */
export function ident(name: string): Sql {
  return {
    text: name
      .split('.')
      .map((part) => `"${part.replaceAll('"', '""')}"`)
      .join('.'),
    values: [],
  }
}

/** Text that is SQL itself, such as a list of columns made by our own code. */
export function raw(text: string): Sql {
  return { text, values: [] }
}

/** The same statement, prepared once per connection under a name. */
export function prepared(name: string, statement: Sql): Sql {
  return { ...statement, name }
}

function spliced(part: Sql, values: unknown[]): string {
  const offset = values.length
  values.push(...part.values)
  return part.text.replace(/\$(\d+)/g, (_, position: string) => `$${Number(position) + offset}`)
}

function isSql(part: unknown): part is Sql {
  return typeof part === 'object' && part !== null && 'text' in part && 'values' in part && Array.isArray(part.values)
}

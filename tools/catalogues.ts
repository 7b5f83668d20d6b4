// Catalogue pages for readers: every message on the bus, every error code, every id that exists everywhere.
import * as contracts from '@loomworks/contracts'
import { EVENT_TYPES, INSTITUTIONS, PREAPPROVAL_AGENT, STEP_MESSAGES, STREAM_PREFIXES, STREAMS, sqlCheck, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { type AnyService, shared } from '@loomworks/service-kit'
import { z } from 'zod'

const MADE = '<!-- Made by `npm run generate`; do not edit. -->\n'
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`)].join('\n')
}

export function messageCatalogue(): string {
  const events = EVENT_TYPES.map(({ service, name, v, priority, schema }) => [service, `\`${name}\``, String(v), priority ?? 'not recorded', fieldsOf(schema)])
  const steps = STEP_MESSAGES.map(({ service, step, v, do: ordered, done, undo, fails }) => [
    service,
    `\`${step}\``,
    String(v),
    fieldsOf(ordered),
    fieldsOf(done),
    undo === undefined ? 'none: after the pivot' : fieldsOf(undo),
    Object.entries(fails)
      .map(([code, status]) => `${code} ${status}`)
      .join(', '),
  ])
  return [
    '# Messages',
    MADE,
    'Subjects: `evt.<service>.<lane>.<entity>.<Name>`, `saga.cmd.<service>.<saga>.<step>.<do|undo>`, `saga.rep.<saga>.<step>`, `dlq.<service>.<reason>`.',
    '\n## Integration events\n',
    table(['from', 'event', 'version', 'audit priority', 'data'], events),
    '\n## Saga steps\n',
    table(['participant', 'step', 'version', 'do', 'done', 'undo', 'business failures'], steps),
    '\n## Streams of the bus\n',
    table(
      ['stream', 'subjects', 'kept'],
      STREAMS.map(({ name, subjects, maxAgeMs }) => [name, `\`${subjects.join(', ')}\``, `${maxAgeMs / 86_400_000} days`]),
    ),
    '',
  ].join('\n')
}

function fieldsOf(schema: z.ZodType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: object
    required?: readonly string[]
  }
  return Object.keys(properties)
    .map((name) => (required.includes(name) ? name : `${name}?`))
    .join(', ')
}

export function errorCatalogue(services: readonly AnyService[]): string {
  const rows = services.flatMap(({ name, refusals }) => refusals.flatMap((catalogue) => Object.values(catalogue).map((refusal) => rowOf(name, refusal))))
  const all = [...Object.values(shared).map((refusal) => rowOf('all', refusal)), ...rows]
  const unique = [...new Map(all.map((row) => [`${row[0]} ${row[1]}`, row])).values()].sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1))
  return [
    '# Error codes',
    MADE,
    'One shape: RFC 9457 problem details, `type` = `urn:loomworks:error:<code>`.\n',
    table(['code', 'by', 'status', 'says', 'what to do'], unique),
    '',
  ].join('\n')
}

function rowOf(
  service: string,
  { code, entry }: { readonly code: string; readonly entry: { readonly status: number; readonly says: string; readonly remedy: string } },
): readonly string[] {
  return [`\`${code}\``, service, String(entry.status), entry.says, entry.remedy]
}

export function wellKnownCatalogue(): string {
  const engagements = Object.values(WELL_KNOWN_ENGAGEMENTS).map(({ id, number, visibility, title }) => [
    `\`${id}\``,
    `E${String(number).padStart(4, '0')}`,
    visibility,
    title,
  ])
  const prefixes = Object.entries(STREAM_PREFIXES).map(([service, names]) => [service, names?.map((name) => `\`${name}<uuid>\``).join(', ') ?? ''])
  return [
    '# What exists everywhere',
    MADE,
    '## Engagements\n',
    table(['id', 'number', 'visibility', 'title'], engagements),
    '\n## Agents\n',
    table(['id', 'name', 'instruction version'], [[`\`${PREAPPROVAL_AGENT.id}\``, PREAPPROVAL_AGENT.name, String(PREAPPROVAL_AGENT.instructionVersion)]]),
    '\n## Institutions in the ledger\n',
    INSTITUTIONS.map((name) => `- \`${name}\``).join('\n'),
    '\n## Event streams\n',
    table(['writer', 'streams'], prefixes),
    '',
  ].join('\n')
}

/** Every closed set that more than one service speaks of, with the CHECK of a column that holds it. */
export function closedSetCatalogue(): string {
  const sets = Object.entries(contracts).flatMap(([name, value]) => (value instanceof z.ZodEnum ? [[name, value] as const] : []))
  const rows = sets.map(([name, set]) => [`\`${name}\``, set.options.join(', '), `\`${sqlCheck(columnOf(name), set)}\``])
  return ['# Closed sets', MADE, table(['set', 'words', 'in SQL'], rows), ''].join('\n')
}

function columnOf(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase()
}

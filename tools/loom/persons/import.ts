import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { IMPORT_LINES_MAX, ImportLine, importPersons, waitingForAdoption } from '@loomworks/identity/imports'
import type { Command } from 'commander'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'

const WRONG_SHOWN = 10
const LOOK_EVERY_MS = 200
const ADOPTED_WITHIN_MS = 600_000

export function importPersonsCommand(persons: Command): void {
  persons
    .command('import')
    .description('Brings persons from elsewhere, one JSON object a line, and waits until each has a personal engagement.')
    .argument('<file>', 'lines of {id?, email, display_name, companion_name?, email_verified?, referred_by?, created_at?}')
    .option('--no-wait', 'only write the rows: identity adopts them by itself')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  npx loom persons import people.jsonl\n\nNothing is written when a line is wrong, or where it ends in the middle. Who is here already, by id or address, stays as they are. Who was\nimported gets in by an enrolment token of an administrator.',
    )
    .action(importFile)
}

async function importFile(file: string, { wait, json }: { wait: boolean; json?: true }): Promise<void> {
  const lines = linesOf(file)
  await withAdminDatabase(async (db) => {
    const { persons, known } = await importPersons(db, lines, Date.now())
    const waiting = wait ? await adopted(db, persons, json === true) : persons.length
    console.log(
      json
        ? JSON.stringify({ imported: persons.length, known, waiting })
        : `${persons.length} persons came, ${known} were here already, ${waiting} wait to be adopted.`,
    )
    if (wait && waiting > 0) throw new Failed(1, 'Not all of them were adopted in time: look at `loom saga list --definition adopt`.')
  })
}

function linesOf(file: string): readonly ImportLine[] {
  const texts = textOf(file)
    .split('\n')
    .map((text, n) => ({ text: text.trim(), line: n + 1 }))
    .filter(({ text }) => text !== '')
  if (texts.length > IMPORT_LINES_MAX)
    throw new Failed(2, `${file} has ${texts.length} lines, and one import has at most ${IMPORT_LINES_MAX}: nothing was written. Split it, referrers first.`)
  const wrong: string[] = []
  const lines = texts.flatMap(({ text, line }) => {
    const parsed = ImportLine.safeParse(jsonOf(text))
    if (parsed.success) return [parsed.data]
    // What is wrong is told by its place: a line holds a person's address.
    wrong.push(`line ${line}: ${parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'} ${message}`).join('; ')}`)
    return []
  })
  if (wrong.length > 0) throw new Failed(2, [...wrong.slice(0, WRONG_SHOWN), `${wrong.length} lines are wrong: nothing was written.`].join('\n'))
  return lines
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Failed(2, `${file} cannot be read.`, { cause })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Db = Parameters<typeof waitingForAdoption>[0]

/** How many are left when all are adopted or the time is up; says how far it is where somebody looks on. */
async function adopted(db: Db, persons: readonly string[], quiet: boolean): Promise<number> {
  const deadline = Date.now() + ADOPTED_WITHIN_MS
  for (;;) {
    const waiting = await waitingForAdoption(db, persons)
    if (!quiet && process.stderr.isTTY) process.stderr.write(`\r${persons.length - waiting} of ${persons.length} adopted `)
    if (waiting === 0 || Date.now() > deadline) return waiting
    await delay(LOOK_EVERY_MS)
  }
}

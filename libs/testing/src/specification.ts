// A decision told as a story: given what has happened, when this is asked, then these facts follow, or that refusal.
import { type By, type Decide, type Fact, newId, Refusal, type WriteModel } from '@loomworks/kernel'
import { expect } from 'vitest'

interface Story<Command, Event> {
  when(command: Command): Outcome<Event>
}

interface Outcome<Event> {
  /** Exactly these facts, in this order; none when the command asks for what is already true. */
  then(...facts: readonly Event[]): void
  refuses(code: string): void
}

const NOBODY: By = { actor: { kind: 'service', id: 'operator' }, at: '2030-01-02T03:04:05.678Z', commandId: newId(0) }

/** `const { given } = specification(model, decide)`. A command without actor, time and id gets those of nobody in particular. */
export function specification<State, Event extends Fact, Command>(model: WriteModel<State, Event>, decide: Decide<Command, State, Event>) {
  return {
    given: (...history: readonly Event[]): Story<Command & Partial<By>, Event> => ({
      when: (command) => outcomeOf(() => decide({ ...NOBODY, ...command }, history.reduce(model.evolve, model.initial()))),
    }),
  }
}

function outcomeOf<Event>(run: () => readonly Event[]): Outcome<Event> {
  return {
    // biome-ignore lint/suspicious/noThenProperty: the word of the story; the object is never awaited.
    then: (...facts) => {
      expect(run()).toEqual(facts)
    },
    refuses: (code) => {
      expect(refusalOf(run)).toBe(code)
    },
  }
}

function refusalOf(run: () => unknown): string {
  try {
    return `no refusal, but ${JSON.stringify(run())}`
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

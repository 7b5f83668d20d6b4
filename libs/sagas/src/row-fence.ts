// A command against the row fence: fence, effect and reply in one transaction, so a crash anywhere is a redelivery, and a
// redelivery is the stored reply.
import type { SagaCommand } from '@loomworks/contracts'
import { hashOf, type JsonObject, Refusal, Terminal, timeOf } from '@loomworks/kernel'
import { type Answer, doneReply, errorAnswer, REFUSED, replayed, replayedUndo } from './answer.ts'
import { type Noting, noteOfRepeat } from './delivery-note.ts'
import { type Fence, judgeDo, judgeUndo, type StoredReply, type StoredUndo } from './fence.ts'
import type { Fences, FenceTx } from './fence-table.ts'
import type { RowStep, StepContext } from './step.ts'

export interface RowCommand<Parts, T> {
  readonly command: SagaCommand
  readonly data: JsonObject
  readonly step: RowStep<Parts, T>
  readonly context: StepContext<Parts>
  readonly note: Noting
}

export function runRowStep<Parts, T>(fences: Fences<T>, each: RowCommand<Parts, T>): Promise<Answer> {
  return each.command.dir === 'do' ? runDo(fences, each) : runUndo(fences, each)
}

async function runDo<Parts, T>(fences: Fences<T>, each: RowCommand<Parts, T>): Promise<Answer> {
  const inputHash = hashOf(each.command.data)
  try {
    return await applied(fences, each, inputHash)
  } catch (error) {
    if (!(error instanceof Refusal) || !(error.code in each.step.message.fails)) throw error
    return failed(fences, each, inputHash, { outcome: 'failed', code: error.code, at: timeOf(each.context.clock.now()) })
  }
}

function applied<Parts, T>(fences: Fences<T>, { command, data, step, context, note }: RowCommand<Parts, T>, inputHash: string): Promise<Answer> {
  return fences.transaction(async (tx, fence) => {
    const before = await fence.take(command, { state: 'done', inputHash, reply: null, undoReply: null })
    const verdict = judgeDo(before, inputHash)
    if (before !== undefined && verdict !== 'apply') return repeated(fence, answerTo(verdict, before), note)
    const reply = doneReply(step.message, (await step.handlers.do(tx, data, context)) as JsonObject, context.clock)
    await fence.put(command, { reply }, note('ok'))
    return replayed(reply)
  })
}

async function repeated(fence: FenceTx, answer: Answer, note: Noting): Promise<Answer> {
  await fence.note(noteOfRepeat(note, answer))
  return { ...answer, repeated: true }
}

/** The effect was rolled back with its transaction; the failure is kept in one of its own, unless somebody was quicker. */
function failed<Parts, T>(
  fences: Fences<T>,
  { command, data, step, context, note }: RowCommand<Parts, T>,
  inputHash: string,
  refused: StoredReply & { readonly code: string },
): Promise<Answer> {
  return fences.transaction(async (tx, fence) => {
    const before = await fence.take(command, { state: 'failed', inputHash, reply: refused, undoReply: null })
    if (before !== undefined) return repeated(fence, answerTo(judgeDo(before, inputHash), before), note)
    const code = (await step.handlers.failed?.(tx, refused.code, data, context)) ?? refused.code
    const reply = { ...refused, code }
    if (code === refused.code) await fence.note(note('ok', code))
    else await fence.put(command, { reply }, note('ok', code))
    return replayed(reply)
  })
}

function answerTo(verdict: ReturnType<typeof judgeDo>, fence: Fence): Answer {
  if (verdict === 'refused') return REFUSED
  if (verdict === 'mismatch') return errorAnswer('saga.input_mismatch')
  if (fence.reply === null) throw new Terminal('saga.fence_broken', 'a fence that is done or failed holds no reply')
  return replayed(fence.reply)
}

function runUndo<Parts, T>(fences: Fences<T>, { command, data, step, context, note }: RowCommand<Parts, T>): Promise<Answer> {
  return fences.transaction(async (tx, fence) => {
    const at = timeOf(context.clock.now())
    const tombstone: StoredUndo = { effect: 'none', at }
    const before = await fence.take(command, { state: 'tombstone', inputHash: null, reply: null, undoReply: tombstone })
    const verdict = judgeUndo(before)
    if (verdict === 'tombstone') {
      await fence.note(note('ok'))
      return replayedUndo(tombstone)
    }
    if (verdict === 'reverse') {
      const undoReply: StoredUndo = { effect: (await step.handlers.undo?.(tx, data as never, context)) ?? 'reversed', at }
      await fence.put(command, { state: 'undone', undoReply }, note('ok'))
      return replayedUndo(undoReply)
    }
    if (before?.undoReply) return repeated(fence, replayedUndo(before.undoReply), note)
    await fence.put(command, { undoReply: tombstone }, note('ok'))
    return replayedUndo(tombstone)
  })
}

// The stub as a process that can be killed: node libs/testing/src/esdb-stub/run-alone.ts <port> <file>
// Prints its port, then takes faults as lines of JSON on its input, each answered by a line; it ends with its input:
//   {"do":"freeze","ms":2000}  {"do":"thaw"}  {"do":"die"}  {"do":"start"}  {"do":"hold","scope":"append"}  {"do":"release","scope":"append"}
//   {"do":"dropAnswer","n":3}  {"do":"endSubscriptions"}  {"do":"refuse","scope":"append","code":14,"details":"…","times":2}
//   {"do":"set","notReady":true,"caughtUp":"never","secondAnswerMs":100}
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { EsdbStub } from './stub.ts'

const Order = z.discriminatedUnion('do', [
  z.object({ do: z.literal('freeze'), ms: z.number().optional() }),
  z.object({ do: z.enum(['thaw', 'die', 'start', 'endSubscriptions']) }),
  z.object({ do: z.enum(['hold', 'release']), scope: z.enum(['append', 'read']) }),
  z.object({ do: z.literal('dropAnswer'), n: z.int() }),
  z.object({
    do: z.literal('refuse'),
    scope: z.enum(['append', 'read', 'subscribe', 'features']),
    code: z.int(),
    details: z.string(),
    times: z.int().default(1),
  }),
  z.object({
    do: z.literal('set'),
    notReady: z.boolean().optional(),
    caughtUp: z.enum(['told', 'never', 'twice']).optional(),
    secondAnswerMs: z.number().optional(),
  }),
])

const [port = '0', file] = process.argv.slice(2)
const stub = await new EsdbStub({ port: Number(port), ...(file !== undefined && { file }) }).start()
process.stdout.write(`${stub.port}\n`)

for await (const line of createInterface({ input: process.stdin })) {
  await obey(Order.parse(JSON.parse(line)))
  process.stdout.write('done\n')
}
process.exit()

async function obey(order: z.output<typeof Order>): Promise<void> {
  const { faults } = stub
  switch (order.do) {
    case 'freeze':
      return stub.freeze(order.ms)
    case 'thaw':
      return stub.thaw()
    case 'die':
      return stub.die()
    case 'start':
      return void (await stub.start())
    case 'hold':
    case 'release':
      return faults[order.do](order.scope)
    case 'endSubscriptions':
      return void faults.endSubscriptions()
    case 'dropAnswer':
      return faults.dropAnswer(order.n)
    case 'refuse':
      return faults.refuse(order.scope, order, order.times)
    case 'set':
      faults.notReady = order.notReady ?? faults.notReady
      faults.caughtUp = order.caughtUp ?? faults.caughtUp
      faults.secondAnswerMs = order.secondAnswerMs ?? faults.secondAnswerMs
  }
}

// A service with a bug that chaos has to find: a handler of integration events that is done before its work is. The message is
// acknowledged, the effect comes a moment later, and a kill between the two loses it.
import { setTimeout as delay } from 'node:timers/promises'
import { companion } from '@loomworks/companion'
import { type EventHandler, runService } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'

const LATE_MS = 300
let db: Database | undefined

const early = <Parts>(handler: EventHandler<Parts>): EventHandler<Parts> => ({
  ...handler,
  async handle(_tx, data, heard, parts) {
    void delay(LATE_MS).then(() => db?.transaction((tx) => handler.handle(tx, data, heard, parts)))
  },
})

await runService({
  ...companion,
  hears: (companion.hears ?? []).map(early),
  wire(wiring) {
    db = wiring.db
    return companion.wire(wiring)
  },
})

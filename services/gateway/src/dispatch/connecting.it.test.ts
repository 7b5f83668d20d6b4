// A service whose host takes no connection is not waited for (identity page §13.3).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Upstreams } from './upstreams.ts'

/** Listens and takes nobody: a handful find room before it, everybody else finds none. */
const DEAF = `
  const server = require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
const ROOM = 8

test('a connection that is not made in a quarter of a second is given up', async () => {
  const deaf = spawn(process.execPath, ['--eval', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] })
  const crowd: Socket[] = []
  const upstreams = new Upstreams({
    addressOf: () => ({ origin: `http://127.0.0.1:${port}` }),
    now: () => Date.now(),
    watch: { called: () => {}, retried: () => {} },
  })
  const [said] = (await once(deaf.stdout, 'data')) as [Buffer]
  const port = Number(said)
  try {
    for (let n = 0; n < ROOM; n++) crowd.push(connect(port, '127.0.0.1').on('error', () => undefined))
    const asked = upstreams.of('memory').pool.request({ method: 'GET', path: '/' })
    await expect(asked).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT', message: expect.stringContaining('timeout: 250ms') })
  } finally {
    for (const socket of crowd) socket.destroy()
    deaf.kill('SIGKILL')
    await upstreams.close()
  }
})

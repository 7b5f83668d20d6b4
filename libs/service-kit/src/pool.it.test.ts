// A host that takes no connection any more: frozen, with all its room taken.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { errors } from 'undici'
import { expect, test } from 'vitest'
import { poolTo } from './pool.ts'

const LISTENS =
  "const s = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(String(s.address().port)))"
const CONNECT_MS = 250
const NO_ANSWER_MS = 200
const ROOM_MOST = 20

/** Connects until one is not taken. */
async function filled(port: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  for (let at = 0; at < ROOM_MOST; at++) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    sockets.push(socket)
    const taken = await Promise.race([once(socket, 'connect').then(() => true), delay(NO_ANSWER_MS).then(() => false)])
    if (!taken) return sockets
  }
  throw new Error('the host has more room than it said')
}

test('a connection that is not made in its time is given up', async () => {
  const host = spawn(process.execPath, ['-e', LISTENS], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(host.stdout, 'data')
  host.kill('SIGSTOP')
  const sockets = await filled(Number(port))
  const pool = poolTo({ origin: `http://127.0.0.1:${Number(port)}` }, 1, CONNECT_MS)
  try {
    await expect(pool.request({ method: 'GET', path: '/' })).rejects.toBeInstanceOf(errors.ConnectTimeoutError)
  } finally {
    await pool.destroy()
    for (const socket of sockets) socket.destroy()
    host.kill('SIGKILL')
  }
})

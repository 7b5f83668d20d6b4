import type { FastifyReply } from 'fastify'
import type { SseEvent } from './operation.ts'

const HEARTBEAT_MS = 15_000

/** Writes events as `text/event-stream` until the iterator ends or the client leaves; a comment every 15 s keeps the line open. */
export async function writeEvents(reply: FastifyReply, events: AsyncIterable<SseEvent>): Promise<FastifyReply> {
  reply.hijack()
  const out = reply.raw
  out.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  out.flushHeaders()
  const iterator = events[Symbol.asyncIterator]()
  const heartbeat = setInterval(() => out.write(':\n\n'), HEARTBEAT_MS)
  out.on('close', () => {
    clearInterval(heartbeat)
    void iterator.return?.()
  })
  try {
    for (let next = await iterator.next(); next.done !== true && !out.destroyed; next = await iterator.next()) {
      const { id, event, data } = next.value
      if (!out.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) await drained(out)
    }
  } finally {
    clearInterval(heartbeat)
    out.end()
  }
  return reply
}

function drained(out: NodeJS.WritableStream & { once(event: 'drain' | 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    out.once('drain', resolve)
    out.once('close', resolve)
  })
}

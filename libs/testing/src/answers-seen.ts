// Notes each kind of answer that an operation gave while tests ran (`<operation> <status> <code>`, a line each), so that tools/answers.ts can
// compare what was answered with what is declared. Runs before each file of tests; does nothing where nobody asked by ANSWERS_SEEN, a folder.
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const folder = process.env.ANSWERS_SEEN

if (folder !== undefined) {
  const noted = new Set<string>()
  const note = (answer: string) => {
    if (noted.has(answer)) return
    noted.add(answer)
    appendFileSync(join(folder, String(process.pid)), `${answer}\n`)
  }
  subscribe('fastify.initialization', (message) => noteAnswers((message as { readonly fastify: FastifyInstance }).fastify, note))
}

/** The code stands in the body, which is seen before it is sent; a stream has none, and is seen when it has ended. */
function noteAnswers(fastify: FastifyInstance, note: (answer: string) => void): void {
  const codes = new WeakMap<FastifyRequest, string>()
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode >= 400 && typeof payload === 'string') codes.set(request, (JSON.parse(payload) as { readonly code: string }).code)
    done()
  })
  fastify.addHook('onResponse', (request, reply, done) => {
    const { operation } = request.routeOptions.config as { readonly operation?: string }
    if (operation !== undefined) note(`${operation} ${reply.statusCode} ${codes.get(request) ?? '-'}`)
    done()
  })
}

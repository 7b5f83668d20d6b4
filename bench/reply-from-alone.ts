// The yardstick of the gateway: Fastify with @fastify/reply-from and nothing else, in front of the same service.
//   node bench/reply-from-alone.ts <socket> <port>
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'

const [socketPath = '', port] = process.argv.slice(2)

const app = Fastify({ logger: false })
// The same client with the same limits as the gateway's.
await app.register(replyFrom, { base: `unix+http://${encodeURIComponent(socketPath)}`, undici: { connections: 128, pipelining: 1 } })
app.get('/*', (request, reply) => reply.from(request.url))
await app.listen({ host: '127.0.0.1', port: Number(port) })
console.log('ready')

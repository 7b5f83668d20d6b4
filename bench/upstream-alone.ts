// The bare service that gateway and yardstick stand in front of: one Fastify route that answers JSON, on a Unix socket and on a port.
//   node bench/upstream-alone.ts <socket> <port>
import Fastify from 'fastify'

const [socketPath = '', port] = process.argv.slice(2)

function upstream() {
  const app = Fastify({ logger: false })
  app.get<{ Params: { engagement: string } }>('/engagements/:engagement', async ({ params }) => ({
    id: params.engagement,
    name: 'A family archive',
    state: 'active',
    version: 12,
    designations: ['operator', 'contributor'],
    created_at: '2030-01-02T03:04:05.678Z',
  }))
  return app
}

await upstream().listen({ path: socketPath })
await upstream().listen({ host: '127.0.0.1', port: Number(port) })
console.log('ready')

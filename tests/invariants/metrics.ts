// What every service tells of itself in numbers: on its own socket, the gateway on its port for operators.
import { request } from 'node:http'
import { ServiceName } from '@loomworks/kernel'
import type { Platform } from '@loomworks/service-kit'

export function metricsOf(addressOf: Platform['addressOf'], gatewayPort: number): Promise<readonly string[]> {
  return Promise.all(
    ServiceName.options.map((service) => {
      const { socketPath, origin } = addressOf(service)
      if (service === 'gateway') return text({ host: '127.0.0.1', port: gatewayPort })
      return text(socketPath === undefined ? { host: '127.0.0.1', port: new URL(origin).port } : { socketPath })
    }),
  )
}

function text(where: { readonly socketPath: string } | { readonly host: string; readonly port: string | number }): Promise<string> {
  return new Promise((done, failed) => {
    request({ ...where, path: '/metrics' }, (answer) => {
      let said = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
      answer.on('end', () => (answer.statusCode === 200 ? done(said) : failed(new Error(`/metrics answers ${answer.statusCode}`))))
    })
      .on('error', failed)
      .end()
  })
}

// Ends with 0 when the service of this container is ready: what the image's health check asks. Plain JavaScript: it starts often.
const name = process.argv[2] ?? ''
const { port } = new URL(process.env[`${name.toUpperCase()}_URL`] ?? '')
const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4000) }).catch(() => undefined)
process.exit(answer?.status === 200 ? 0 : 1)

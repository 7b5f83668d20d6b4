/** The token that came as the bearer's. The gateway puts its own into `authorization` and passes the client's under an outer name. */
export function bearerOf(header: (name: string) => string | undefined): string {
  return /^bearer +(\S+)$/i.exec(header('x-client-authorization') ?? '')?.[1] ?? ''
}

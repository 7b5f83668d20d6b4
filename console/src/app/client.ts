import { Client } from '@loomworks/client'

/** The console is a client of the gateway like any other; its session is a cookie that no script sees. */
export const client = new Client({ url: location.origin })

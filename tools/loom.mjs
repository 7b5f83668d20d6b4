#!/usr/bin/env node
// npx loom <noun> <verb>: the same bootstrap as every other command of this repository.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

process.argv.splice(2, 0, join(dirname(fileURLToPath(import.meta.url)), 'loom', 'main.ts'))
await import('./run.mjs')

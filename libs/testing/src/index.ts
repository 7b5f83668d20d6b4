export * from './database.ts'
export * from './eventually.ts'
export * from './fake-clock.ts'
export * from './specification.ts'

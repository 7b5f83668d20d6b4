export { copyInto } from './copy.ts'
export {
  brokenConstraint,
  type Database,
  type DatabaseOptions,
  type Db,
  type Dedicated,
  exec,
  many,
  maybe,
  one,
  openDatabase,
  sqlState,
  type Tx,
} from './db.ts'
export { type MigrateOptions, migrate, schemaIsCurrent } from './migrate.ts'
export { ident, prepared, raw, type Sql, sql } from './sql.ts'

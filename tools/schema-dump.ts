// What a schema holds, as text that is the same on every machine: the golden dump of a service's tables.
import { type Database, many, sql } from '@loomworks/sql'
import { z } from 'zod'

const Line = z.object({ text: z.string() })

/** Tables with columns, constraints, indexes, triggers, policies and rights, then views and functions, each sorted by name. */
export async function schemaDump(db: Database, schema: string): Promise<string> {
  const parts = [await tables(db, schema), await rest(db, schema)]
  return `${parts.flat().join('\n\n')}\n`
}

async function tables(db: Database, schema: string): Promise<readonly string[]> {
  const rows = await many(
    db,
    Line,
    sql`select format(E'create table %I (\n%s\n);%s', c.relname,
                      concat_ws(E',\n', (select string_agg(format('  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                                  case when a.attnotnull then ' not null' else '' end,
                                                  case when a.attidentity <> '' then ' generated always as identity'
                                                       when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end), E',\n' order by a.attnum)
                                      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                                     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
                                (select string_agg('  ' || pg_get_constraintdef(k.oid), E',\n' order by pg_get_constraintdef(k.oid)) from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n')),
                      concat('', (select string_agg(E'\n' || pg_get_indexdef(i.indexrelid) || ';', '' order by pg_get_indexdef(i.indexrelid)) from pg_index i
                                   where i.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = i.indexrelid)),
                                (select string_agg(E'\n' || pg_get_triggerdef(t.oid) || ';', '' order by t.tgname) from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal),
                                case when c.relforcerowsecurity then format(E'\nalter table %I force row level security;', c.relname) else '' end,
                                (select string_agg(format(E'\ncreate policy %I on %I for %s to %s using (%s)%s;', p.policyname, c.relname, p.cmd, array_to_string(p.roles, ', '), p.qual,
                                                          case when p.with_check is null then '' else ' with check (' || p.with_check || ')' end), '' order by p.policyname)
                                   from pg_policies p where p.schemaname = ${schema} and p.tablename = c.relname),
                                (select string_agg(format(E'\ngrant %s to %I;', g.rights, g.grantee), '' order by g.grantee)
                                   from (select grantee::text, string_agg(lower(privilege_type), ', ' order by privilege_type) as rights
                                           from information_schema.role_table_grants
                                          where table_schema = ${schema} and table_name = c.relname and grantee <> ${`${schema}_owner`} group by 1) g))) as text
          from pg_class c
         where c.relnamespace = (select oid from pg_namespace where nspname = ${schema}) and c.relkind = 'r' and c.relname <> 'migration'
         order by c.relname`,
  )
  return rows.map(({ text }) => text)
}

async function rest(db: Database, schema: string): Promise<readonly string[]> {
  const rows = await many(
    db,
    Line,
    sql`select text from (
          select 1 as kind, c.relname as name, format(E'create view %I as\n%s', c.relname, pg_get_viewdef(c.oid, true)) as text
            from pg_class c where c.relnamespace = (select oid from pg_namespace where nspname = ${schema}) and c.relkind = 'v'
          union all
          select 2, p.proname, pg_get_functiondef(p.oid)
            from pg_proc p where p.pronamespace = (select oid from pg_namespace where nspname = ${schema}) and p.prokind = 'f'
        ) part order by kind, name, text`,
  )
  return rows.map(({ text }) => text.trimEnd())
}

/** SQL that asks PostgreSQL about a statement. All of it in one transaction: a pooler may give the next one to another server. */
import type { ClientBase } from 'pg'
import type { TypeStep } from '../rows/column-family'

const NAME = 'tenant_postgres_apply'

/** By the extended protocol, which takes no second command. @throws what PostgreSQL says of the statement */
export async function prepareStatement(client: ClientBase, statement: string): Promise<void> {
  await client.query({ text: `prepare ${NAME} as ${statement}`, queryMode: 'extended' } as { text: string })
}

export async function deallocateStatement(client: ClientBase): Promise<void> {
  await client.query(`deallocate ${NAME}`)
}

/** The types of its parameters, each with the steps to its base type. */
export async function parameterSteps(client: ClientBase): Promise<TypeStep[][]> {
  const { rows } = await client.query<{ steps: TypeStep[] }>(`\
select base.steps
  from pg_prepared_statements
 cross join lateral unnest(parameter_types) with ordinality as parameter(type, nr)
 cross join lateral (
       with recursive step as (
         select parameter.type::oid as type, -1 as modifier, 0 as depth
          union all
         select case typtype when 'd' then typbasetype else typelem end,
                case when typtype = 'd' and modifier < 0 then typtypmod else modifier end,
                depth + 1
           from step join pg_type on oid = type
          where typtype = 'd' or (typcategory = 'A' and typelem <> 0 and typlen = -1)
       )
       select json_agg(json_build_object(
                'name', typname, 'kind', typtype, 'array', typcategory = 'A', 'modifier', modifier)
                order by depth) as steps
         from step join pg_type on oid = type
        where typtype <> 'd') as base
 where name = '${NAME}'
 order by parameter.nr`)
  return rows.map(({ steps }) => steps)
}

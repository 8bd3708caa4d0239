/**
 * The schema of a tenant, named by a template such as `tenant_{tenant}`. Two tenants never share one: the template
 * has the tenant's name in it whole, upper and lower case stay, and a name that PostgreSQL would cut off is refused.
 */
import { PipelineError } from '../../wire/errors'
import { MAX_IDENTIFIER_BYTES } from '../connect/identifiers'

/** What a dialog accepts: the tenant once, after a letter or an underscore, so that it cannot be all of the name. */
export const SCHEMA_TEMPLATE = /^[A-Za-z_][A-Za-z0-9_]{0,30}\{tenant\}[A-Za-z0-9_]{0,30}$/

const TENANT = /^[A-Za-z0-9_-]+$/

export class SchemaTemplate {
  private readonly before: string
  private readonly after: string

  /** @throws PipelineError `CONFIG_INVALID` */
  constructor(template: string) {
    if (!SCHEMA_TEMPLATE.test(template)) {
      const message = `"${template}" is no template for schemas; expected one such as tenant_{tenant}`
      throw new PipelineError('CONFIG_INVALID', message, {
        retryable: false,
        status: 'checkSchemaTemplate',
      })
    }
    ;[this.before, this.after] = template.split('{tenant}') as [string, string]
  }

  /** @returns the schema, or why there can be none for this tenant */
  schemaOf(tenant: unknown): { readonly schema: string } | { readonly refusal: string } {
    if (typeof tenant !== 'string' || tenant === '') return { refusal: 'the record has no tenant' }
    if (!TENANT.test(tenant)) {
      return { refusal: 'the tenant has other characters than letters, digits, - and _' }
    }
    const schema = this.before + tenant + this.after
    if (schema.length > MAX_IDENTIFIER_BYTES) {
      return {
        refusal: `the schema "${schema}" has more than ${MAX_IDENTIFIER_BYTES} characters, and PostgreSQL would cut it off`,
      }
    }
    if (schema.startsWith('pg_')) return { refusal: `the schema "${schema}" belongs to PostgreSQL` }
    return { schema }
  }

  /** Whether a schema is one of these. */
  matches(schema: string): boolean {
    const { before, after } = this
    if (!schema.startsWith(before) || !schema.endsWith(after)) return false
    return TENANT.test(schema.slice(before.length, schema.length - after.length))
  }
}

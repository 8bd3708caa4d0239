/** What a `tenant-validate` node counts for those who watch it. */
import { Counts } from '../watch/counts'
import { tenantCounts } from '../watch/tenants'
import type { Samples } from '../watch/watched-nodes'

export class ValidationCounts {
  private valid = 0
  private unchecked = 0
  private refused = 0
  private readonly errors = new Counts()
  private readonly tenants = tenantCounts()

  get invalid(): number {
    return this.refused
  }

  accept(valid: number, unchecked: number): void {
    this.valid += valid
    this.unchecked += unchecked
  }

  refuse(code: string, tenant: unknown): void {
    this.refused++
    this.errors.add(code)
    if (typeof tenant === 'string') this.tenants?.add(tenant)
  }

  samples(): Samples {
    const { valid, refused: invalid, unchecked } = this
    return {
      tenant_pipeline_validated_records_total: new Map(Object.entries({ valid, invalid, unchecked })),
      message_processing_errors_total: this.errors.all,
      ...(this.tenants !== undefined && { tenant_pipeline_tenant_invalid_records_total: this.tenants.all }),
    }
  }
}

/** Where programs that were fetched or built are kept, for every clone on this machine. */
import os from 'node:os'
import path from 'node:path'

/** `TENANT_PIPELINE_CACHE`, else the user's cache folder. */
export function cacheFolder(): string {
  const { TENANT_PIPELINE_CACHE, XDG_CACHE_HOME } = process.env
  if (TENANT_PIPELINE_CACHE) return path.resolve(TENANT_PIPELINE_CACHE)
  return path.join(XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'node-red-tenant-pipeline')
}

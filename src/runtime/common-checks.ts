/** What each connection test may find. All dialogs have the same words for it, in `shared.json` of `editor/locales`. */
import { TLS_FAULTS } from '../config/tls-fault'

/** What may happen before anything is connected to. */
export const ROUTE_CHECKS = {
  invalid: 'failed',
  withheld: 'failed',
  notDeployed: 'failed',
  unforeseen: 'failed',
} as const

export const COMMON_CHECKS = { ...ROUTE_CHECKS, ...TLS_FAULTS } as const

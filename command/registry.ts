/** The commands. Each is loaded when it is called: most of the start-up time is the Kafka and PostgreSQL clients. */
import type { Command } from './command'

export interface Registered {
  readonly summary: string
  readonly load: () => Promise<Command>
}

export const COMMANDS: Readonly<Record<string, Registered>> = {
  doctor: {
    summary: 'tests every connection, as the buttons in the editor do',
    load: async () => (await import('./commands/doctor.js')).doctor,
  },
  'topics create': {
    summary: 'creates the Kafka topics of tenants and projects',
    load: async () => (await import('./commands/topics-create.js')).topicsCreate,
  },
  'topics check': {
    summary: 'checks that Kafka topics are there, and safe',
    load: async () => (await import('./commands/topics-check.js')).topicsCheck,
  },
  consume: {
    summary: 'shows the records of Kafka topics, without a trace',
    load: async () => (await import('./commands/consume.js')).consume,
  },
  'dead-letters list': {
    summary: 'lists dead letters by reason and tenant',
    load: async () => (await import('./commands/dead-letters-list.js')).deadLettersList,
  },
  'dead-letters export': {
    summary: 'writes dead letters as lines of JSON, byte for byte',
    load: async () => (await import('./commands/dead-letters-export.js')).deadLettersExport,
  },
  'dead-letters replay': {
    summary: 'sends dead letters to Kafka again',
    load: async () => (await import('./commands/dead-letters-replay.js')).deadLettersReplay,
  },
  'ledger show': {
    summary: 'shows where each sink is in Kafka',
    load: async () => (await import('./commands/ledger-show.js')).ledgerShow,
  },
  'ledger audit': {
    summary: 'checks that every record has an outcome, and is in the table once',
    load: async () => (await import('./commands/ledger-audit.js')).ledgerAudit,
  },
}

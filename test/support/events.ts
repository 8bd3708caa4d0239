/** A log for what is tested without Node-RED: it keeps the entries. */
import { EventLog, type LogEntry, type LoggingNode } from '../../src/log/event-log'

export interface KeptEntry extends LogEntry {
  readonly level: 'info' | 'warn' | 'error' | 'debug'
}

export interface KeptLog {
  readonly log: EventLog
  readonly entries: KeptEntry[]
}

export function keptLog(): KeptLog {
  const entries: KeptEntry[] = []
  const keep = (level: KeptEntry['level']) => (entry: LogEntry) => void entries.push({ level, ...entry })
  const node: LoggingNode = {
    id: 'test',
    log: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    debug: keep('debug'),
  }
  return { log: new EventLog(node), entries }
}

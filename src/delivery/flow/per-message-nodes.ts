/**
 * Core nodes that work with one message. After a source that sends batches they get a list in `msg.payload`: a Switch or
 * a Filter then drops or misroutes a whole batch, and a Change or a Template overwrites it.
 *
 * The warning cannot be switched off, so only what is certain counts: a property that single messages have and batches do
 * not, at a node which the batch reaches as the source has sent it. A Function node can send anything on, a JSONata expression
 * or a Split node may be meant for a list: these, and what follows them, are left alone.
 */
import { entryOf } from '../../runtime/subflows'
import type { MqttFields, TenantFields } from '../../wire/message'
import { reachable, type FlowConfig, type Onwards } from './flow-walk'

/** What the batches of a source have themselves, not only the messages in them. */
export interface Batches {
  /** Fields of `msg.kafka`. */
  readonly kafka: readonly string[]
}

export interface SeesBatch {
  readonly config: FlowConfig
  /** The property of one message that it works with. */
  readonly property: string
}

/** The fields of one message, or of one record in a batch. */
const FIELDS: ReadonlySet<string> = new Set(
  Object.keys({
    topic: true,
    payload: true,
    qos: true,
    retain: true,
    userProperties: true,
    contentType: true,
    receivedAt: true,
    messageId: true,
    tenant: true,
    project: true,
    device: true,
    levels: true,
    kafka: true,
  } satisfies Record<keyof MqttFields | keyof TenantFields | 'kafka', true>),
)

/** The properties of `msg` that a node reads or writes, by its type; as far as its settings tell. */
const PROPERTIES: Readonly<Record<string, (config: FlowConfig) => readonly unknown[]>> = {
  switch: ({ property, propertyType, rules }) =>
    rulesOf(rules).some(testsProperty) && !rulesOf(rules).some(expectsList)
      ? inMessage(property, propertyType)
      : [],
  change: ({ rules }) =>
    rulesOf(rules)
      .filter(({ tot }) => tot !== 'jsonata')
      .flatMap(({ p, pt, to, tot = 'str', from, fromt = 'str' }) => [
        ...inMessage(p, pt),
        ...inMessage(to, tot),
        ...inMessage(from, fromt),
      ]),
  rbe: ({ property, septopics, topi }) => [
    property || 'payload',
    ...(septopics === false ? [] : [topi || 'topic']),
  ],
  template: ({ field, fieldType }) => inMessage(field || 'payload', fieldType),
  // "Limit rate" by topic: only the newest message of each topic is kept.
  delay: ({ pauseType }) => (pauseType === 'queue' || pauseType === 'timed' ? ['topic'] : []),
  trigger: ({ bytopic, topic }) => (bytopic === 'topic' ? [topic || 'topic'] : []),
  csv: () => ['payload'],
  range: ({ property }) => [property || 'payload'],
  json: ({ property }) => [property || 'payload'],
  yaml: ({ property }) => [property || 'payload'],
  xml: ({ property }) => [property || 'payload'],
  html: ({ property }) => [property || 'payload'],
}

/** The core nodes after a source that work with one message, and to which its batches come as it has sent them. */
export function nodesThatSeeBatches(
  sourceId: string,
  configs: readonly FlowConfig[],
  batches: Batches,
): SeesBatch[] {
  const found: SeesBatch[] = []
  const source = entryOf(sourceId, configs)?.entry.id ?? sourceId
  reachable([source], configs, (config, onwards) => {
    if (config.id === source) return onwards.wires
    const property = perMessageProperty(config, batches)
    if (property === undefined) return unchangedAfter(config, onwards)
    found.push({ config, property })
    return []
  })
  return found
}

function perMessageProperty(config: FlowConfig, { kafka }: Batches): string | undefined {
  const properties = (PROPERTIES[config.type]?.(config) ?? [])
    .filter((each) => typeof each === 'string')
    .map((each) => each.replace(/\[["']([^"']+)["']\]/g, '.$1'))
  if (properties.some(isOfList)) return undefined
  return properties.find((property) => {
    const [field = '', inner] = property.split('.')
    if (!FIELDS.has(field)) return false
    if (field !== 'kafka') return true
    return inner === undefined ? kafka.length === 0 : !kafka.includes(inner)
  })
}

/** `payload[0]`, `payload.length`: written for a list. */
function isOfList(property: string): boolean {
  return /^payload(\.length$|\.\d|\[)/.test(property)
}

/** Where a batch leaves a node as it has come; after other nodes it is not known what is sent. */
function unchangedAfter(config: FlowConfig, { wires, links, inside }: Onwards): readonly string[] {
  const { type } = config
  if (type === 'link out' || type === 'link call') return links
  // What does not match leaves by the second output, as single messages.
  if (type === 'tenant-topic' || type === 'tenant-validate') return config.wires?.[0] ?? []
  if (type === 'change') return rulesOf(config.rules).some(writesPayload) ? [] : wires
  // It sends another payload.
  if (type === 'trigger') return []
  return type === 'link in' || type === 'junction' || type in PROPERTIES ? wires : inside
}

interface Rule {
  readonly [property: string]: unknown
}

function rulesOf(rules: unknown): readonly Rule[] {
  return Array.isArray(rules) ? (rules as Rule[]) : []
}

/** The property, when it is one of the message and not of a context or of the environment. */
function inMessage(property: unknown, type: unknown = 'msg'): readonly unknown[] {
  return type === 'msg' ? [property] : []
}

/** Of a Switch; the other rules look at the message's place in a sequence, or at an expression. */
function testsProperty({ t }: Rule): boolean {
  return !['else', 'head', 'tail', 'index', 'jsonata_exp'].includes(String(t))
}

/** Of a Switch. */
function expectsList({ t, v }: Rule): boolean {
  return t === 'istype' && v === 'array'
}

/** Of a Change, which may then send anything. */
function writesPayload({ t, p, to }: Rule): boolean {
  return p === 'payload' || (t === 'move' && to === 'payload')
}

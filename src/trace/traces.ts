/**
 * Traces of OpenTelemetry: spans where messages are received, produced, consumed and written. Only its API is used; the
 * SDK that the user has registered in the process samples and exports. A message carries its context in the Kafka headers
 * `traceparent` and `tracestate` (W3C Trace Context), or in those of another propagator that is registered.
 *
 * The messages of a batch come from many traces, so its span has links to them. A batch of one message is part of that
 * message's trace.
 *
 * Off unless asked for: then nothing is loaded, and each place costs one comparison.
 */
import type { Attributes, Context, Link, Span, SpanKind, TextMapGetter, Tracer } from '@opentelemetry/api'
import { createRequire } from 'node:module'
import { describeError } from '../wire/errors'

type Api = typeof import('@opentelemetry/api')

/** Headers of a Kafka record, or user properties of an MQTT message. */
export type Carrier = Readonly<Record<string, unknown>>

export interface TraceSpan {
  /** @param error why it failed */
  end(error?: unknown): void
}

/** An MQTT message on its way. It ends when the message is acknowledged. */
export interface ReceiveSpan extends TraceSpan {
  /** What goes into the headers of its Kafka record. */
  readonly headers: Readonly<Record<string, string>>
}

export interface BatchSpan {
  /** Such as `publish iot-messages`. */
  readonly name: string
  readonly kind: 'PRODUCER' | 'CONSUMER' | 'CLIENT'
  readonly attributes: Attributes
  /** Messages in the batch. */
  readonly count: number
  /** Headers of one of them. */
  readonly carrierOf: (at: number) => Carrier | undefined
}

const SCOPE = '@iot-bridge/node-red-tenant-pipeline'
/** What an SDK keeps by default; a batch of thousands needs no more to be found from its messages' traces. */
const MAX_LINKS = 128

let active: Traces | undefined

/** `undefined`: nothing is traced. */
export const activeTraces = (): Traces | undefined => active

/**
 * Begins to trace. Called once, before the first node is made.
 * @param version of this package
 * @returns false when no SDK is registered: spans go nowhere until one is
 */
export function startTraces(version: string): boolean {
  const api = loadApi()
  if (api === undefined) return false
  active = new Traces(api, api.trace.getTracer(SCOPE, version))
  const provider = api.trace.getTracerProvider()
  return !(provider instanceof api.ProxyTracerProvider) || provider.getDelegateTracer(SCOPE) !== undefined
}

/** It comes with the SDK: npm installs it beside this package. */
function loadApi(): Api | undefined {
  try {
    return createRequire(__filename)('@opentelemetry/api') as Api
  } catch {
    return undefined
  }
}

export class Traces {
  constructor(
    private readonly api: Api,
    private readonly tracer: Tracer,
  ) {}

  /** @param properties may have the context of the device */
  receive(topic: string, bytes: number, properties: Carrier | undefined): ReceiveSpan {
    const { api, tracer } = this
    const parent = this.contextOf(properties)
    const attributes: Attributes = {
      'messaging.system': 'mqtt',
      'messaging.operation.type': 'receive',
      'messaging.destination.name': topic,
      'messaging.message.body.size': bytes,
    }
    // Without the topic: names of spans should be few.
    const span = tracer.startSpan('receive mqtt', { kind: api.SpanKind.CONSUMER, attributes }, parent)
    const headers: Record<string, string> = {}
    api.propagation.inject(api.trace.setSpan(parent, span), headers)
    return { headers, end: (error) => this.end(span, error) }
  }

  batch({ name, kind, attributes, count, carrierOf }: BatchSpan): TraceSpan {
    const { api, tracer } = this
    const contexts: Context[] = []
    for (let at = 0; at < count && contexts.length < MAX_LINKS; at++) {
      const context = this.contextOf(carrierOf(at))
      if (api.trace.getSpanContext(context) !== undefined) contexts.push(context)
    }
    const options = { kind: api.SpanKind[kind] as SpanKind, attributes }
    const [first] = contexts
    const span =
      count === 1 && first !== undefined
        ? tracer.startSpan(name, options, first)
        : tracer.startSpan(name, { ...options, links: this.linksTo(contexts) }, api.ROOT_CONTEXT)
    return { end: (error) => this.end(span, error) }
  }

  private contextOf(carrier: Carrier | undefined): Context {
    const { propagation, ROOT_CONTEXT } = this.api
    return carrier === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, carrier, GETTER)
  }

  private linksTo(contexts: readonly Context[]): Link[] {
    return contexts.flatMap((one) => {
      const context = this.api.trace.getSpanContext(one)
      return context === undefined ? [] : [{ context }]
    })
  }

  private end(span: Span, error: unknown): void {
    if (error !== undefined) {
      const message = describeError(error)
      span.setStatus({ code: this.api.SpanStatusCode.ERROR, message })
    }
    span.end()
  }
}

const GETTER: TextMapGetter<Carrier> = {
  keys: (carrier) => Object.keys(carrier),
  get(carrier, name) {
    const value = Object.hasOwn(carrier, name) ? carrier[name] : undefined
    const [first] = Array.isArray(value) ? (value as unknown[]) : [value]
    return typeof first === 'string' ? first : Buffer.isBuffer(first) ? first.toString('utf8') : undefined
  },
}

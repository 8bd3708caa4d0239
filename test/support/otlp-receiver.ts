/** Takes spans as a collector of OpenTelemetry does, over OTLP in JSON, and keeps them in memory. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status?: { readonly code?: number; readonly message?: string }
}

interface Export {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[]
  }[]
}

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = []

  private constructor(private readonly server: Server) {}

  static async start(): Promise<OtlpReceiver> {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const { resourceSpans } = JSON.parse(body) as Export
        for (const { scopeSpans } of resourceSpans)
          for (const { spans } of scopeSpans) receiver.spans.push(...spans)
        response.setHeader('content-type', 'application/json').end('{}')
      })
    })
    const receiver = new OtlpReceiver(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1/traces`
  }

  /** Those whose name begins like this. */
  named(start: string): ReceivedSpan[] {
    return this.spans.filter(({ name }) => name.startsWith(start))
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

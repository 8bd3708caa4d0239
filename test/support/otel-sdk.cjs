/** What a user's `--require` file does: registers OpenTelemetry's SDK, which sends the spans to `OTLP_URL`. */
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http')
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node')

const exporter = new OTLPTraceExporter({ url: process.env.OTLP_URL })
const processor = new BatchSpanProcessor(exporter, { scheduledDelayMillis: 100 })
new NodeTracerProvider({ spanProcessors: [processor] }).register()

/** Requests to Kafka that kafkajs cannot make, or would not make in this way: for faults that Kafka's own tools make. */
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { connect } from 'node:net'

/** kafkajs' encoder, as far as it is used here. */
interface Encoder {
  readonly buffer: Buffer
  writeInt8(value: number): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeDouble(value: number): Encoder
  writeBoolean(value: boolean): Encoder
  writeString(value: string | null): Encoder
  writeArray(entries: readonly unknown[], type?: string): Encoder
}

interface Request {
  readonly apiKey: number
  readonly apiVersion: number
  readonly encode: () => Promise<Encoder>
}

interface ProduceRequest {
  readonly acks: number
  readonly timeout: number
  readonly producerId: string
  readonly producerEpoch: number
  readonly topicData: unknown
}

const load = createRequire(__filename)
const NewEncoder = load('kafkajs/src/protocol/encoder') as new () => Encoder
const encodeRequest = load('kafkajs/src/protocol/request') as (call: {
  correlationId: number
  clientId: string
  request: Request
}) => Promise<Encoder>
const produceRequest = load('kafkajs/src/protocol/requests/produce/v3/request') as (
  request: ProduceRequest,
) => Request

const ELECT_LEADERS = 43
const ALTER_CLIENT_QUOTAS = 49
const PREFERRED = 0
const TIMEOUT_MS = 10_000
/** Kafka's ELECTION_NOT_NEEDED. */
const NOT_NEEDED = 84

/** The first replica of each partition becomes its leader, if it is in sync. */
export async function electPreferredLeaders(
  address: string,
  topic: string,
  partitions: readonly number[],
): Promise<void> {
  const topics = [new NewEncoder().writeString(topic).writeArray(partitions, 'number')]
  const body = new NewEncoder().writeInt8(PREFERRED).writeArray(topics).writeInt32(TIMEOUT_MS)
  const answer = await ask(address, request(ELECT_LEADERS, 1, body))
  const code = answer.readInt16BE(4)
  if (code !== 0 && code !== NOT_NEEDED) throw new Error(`Kafka elected no leaders: error ${code}`)
}

/** @param bytesPerSecond that a client with this id may write to each broker; `undefined` takes the quota away */
export async function limitProducer(
  address: string,
  clientId: string,
  bytesPerSecond: number | undefined,
): Promise<void> {
  const entity = new NewEncoder().writeString('client-id').writeString(clientId)
  const change = new NewEncoder()
    .writeString('producer_byte_rate')
    .writeDouble(bytesPerSecond ?? 0)
    .writeBoolean(bytesPerSecond === undefined)
  const entry = new NewEncoder().writeArray([entity]).writeArray([change])
  const body = new NewEncoder().writeArray([entry]).writeBoolean(false)
  const answer = await ask(address, request(ALTER_CLIENT_QUOTAS, 0, body))
  const code = answer.readInt16BE(8)
  if (code !== 0) throw new Error(`Kafka refused the quota: error ${code}`)
}

/** What a batch in the log says about its producer. */
export interface ProducerState {
  readonly producerId: string
  readonly producerEpoch: number
  readonly sequence: number
}

/** Writes values in another producer's name, so that the broker's state of it changes. @returns Kafka's error code */
export async function writeInTheNameOf(
  { producerId, producerEpoch, sequence }: ProducerState,
  leader: string,
  topic: string,
  partition: number,
  values: readonly string[],
): Promise<number> {
  const messages = values.map((value) => ({ key: null, value: Buffer.from(value), headers: {} }))
  const partitions = [{ partition, firstSequence: sequence, messages }]
  const produce = produceRequest({
    acks: -1,
    timeout: TIMEOUT_MS,
    producerId,
    producerEpoch,
    topicData: [{ topic, partitions }],
  })
  const answer = await ask(leader, produce)
  return answer.readInt16BE(4 + 2 + topic.length + 4 + 4)
}

function request(apiKey: number, apiVersion: number, body: Encoder): Request {
  return { apiKey, apiVersion, encode: () => Promise.resolve(body) }
}

/**
 * @param addresses of brokers; the first is asked
 * @returns the answer after its correlation id
 */
async function ask(addresses: string, asked: Request): Promise<Buffer> {
  const [address = ''] = addresses.split(',')
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  try {
    await once(socket, 'connect')
    const { buffer } = await encodeRequest({ correlationId: 1, clientId: 'fault', request: asked })
    socket.write(buffer)
    let answer = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      answer = Buffer.concat([answer, chunk])
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) return answer.subarray(8)
    }
    throw new Error(`Kafka at ${address} closed the connection without an answer`)
  } finally {
    socket.destroy()
  }
}

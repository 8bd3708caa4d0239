// Publishes one message and waits for its row: node send-message.cjs <MQTT topic> <table> <seconds>. Also read from the
// standard input by the Node.js of a pod, so it needs only what the image has.
const { randomUUID } = require('node:crypto')
const { setTimeout: sleep } = require('node:timers/promises')
const { connectAsync } = require('mqtt')
const { Client } = require('pg')

const [pattern = '', table = '', seconds = ''] = process.argv.slice(2)

async function main() {
  const id = randomUUID()
  const topic = pattern.replace('{id}', id)
  const database = new Client({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 10_000 })
  database.on('error', () => undefined)
  await database.connect()
  const broker = await connectAsync(process.env.MQTT_URL, { reconnectPeriod: 0, connectTimeout: 10_000 })
  const startedAtMs = Date.now()
  await broker.publishAsync(topic, JSON.stringify({ verify: id }), { qos: 1 })
  await broker.endAsync()
  const count = `select count(*)::int as rows from ${database.escapeIdentifier(table)} where mqtt_topic = $1`
  let rows = 0
  let reason = ''
  while (rows === 0 && Date.now() - startedAtMs < Number(seconds) * 1000) {
    await sleep(100)
    try {
      rows = (await database.query(count, [topic])).rows[0].rows
    } catch (error) {
      // The sink creates the table with the first rows.
      if (error.code !== '42P01') throw error
      reason = `; there is no table ${table}`
    }
  }
  await database.end()
  if (rows === 0)
    throw new Error(
      `the MQTT broker has the message, but after ${seconds} s there is no row in ${table}${reason}. Does Node-RED run, ` +
        `and does its source subscribe to ${topic}? Its /ready says what is missing`,
    )
  if (rows > 1) throw new Error(`the message is in ${table} ${rows} times`)
  console.log(`a row after ${Date.now() - startedAtMs} ms`)
}

main().catch((error) => {
  console.error(error.message)
  process.exit(1)
})

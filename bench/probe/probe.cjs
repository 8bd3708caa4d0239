/**
 * Loaded into a Node.js process that is measured, before its own code: tells the benchmark, when asked, how much
 * processor time and memory it uses, how late its event loop is, and how many requests it has sent to Kafka.
 */
const { monitorEventLoopDelay } = require('node:perf_hooks')
const net = require('node:net')

const [port, id, kafkaPort] = (process.env.BENCH_PROBE ?? '').split(':')
// Child processes would take part as well, under the same name.
delete process.env.BENCH_PROBE
const RESOLUTION_MS = 5
const PRODUCE = 0
const FETCH = 1

if (id !== undefined) {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  let maxRss = 0
  const requests = { [PRODUCE]: 0, [FETCH]: 0 }
  const sample = () => (maxRss = Math.max(maxRss, process.memoryUsage.rss()))
  setInterval(sample, 100).unref()

  // The clients write each request at once; the number of the call is behind the four bytes of its length.
  const write = net.Socket.prototype.write
  net.Socket.prototype.write = function (chunk, ...rest) {
    if (this.remotePort === Number(kafkaPort) && chunk?.length > 6 && typeof chunk !== 'string') {
      const call = (chunk[4] << 8) | chunk[5]
      if (call in requests) requests[call]++
    }
    return write.call(this, chunk, ...rest)
  }

  const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(`${id}\n`))
  socket.unref()
  socket.on('error', () => undefined)
  socket.on('data', (asked) => {
    sample()
    const { user, system } = process.cpuUsage()
    const loopP99Ms = Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS)
    const told = { cpuMicros: user + system, rss: process.memoryUsage.rss(), maxRss, loopP99Ms }
    socket.write(`${JSON.stringify({ ...told, produces: requests[PRODUCE], fetches: requests[FETCH] })}\n`)
    if (String(asked).includes('reset')) {
      loop.reset()
      maxRss = 0
    }
  })
}

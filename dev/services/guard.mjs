// Kills processes whose parent is gone. Its standard input is a pipe from the parent: lines `+PID` and `-PID`
// add and remove a process, and the end of the input means that the parent has ended, however. It runs in a
// process group of its own, so that `kill -9` of the parent's group leaves it alive to clean up.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const pids = new Set()
const signalAll = (signal) => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      pids.delete(pid)
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  if (line.startsWith('+')) pids.add(pid)
  else pids.delete(pid)
}
signalAll('SIGTERM')
for (let waited = 0; waited < 30 && pids.size > 0; waited++) {
  await sleep(100)
  signalAll(0)
}
signalAll('SIGKILL')

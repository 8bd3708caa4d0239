/** The simulated devices: who they are, where they publish, and what a reading of theirs looks like. */
export interface Fleet {
  /** Number of tenants: `tenant-1`, `tenant-2`, … */
  readonly tenants: number
  /** Projects of each tenant: `project-1`, … */
  readonly projects: number
  /** Devices in all, spread evenly over the projects. */
  readonly devices: number
}

export interface Device {
  /** `sensor-001`; the same in every project, as in real fleets. */
  readonly id: string
  readonly topic: string
}

export const TOPIC_PREFIX = 'mtic/msg/client/realtime'

export function devicesOf({ tenants, projects, devices }: Fleet): Device[] {
  return Array.from({ length: devices }, (_, index) => {
    const tenant = (index % tenants) + 1
    const project = (Math.floor(index / tenants) % projects) + 1
    const number = Math.floor(index / (tenants * projects)) + 1
    const id = `sensor-${String(number).padStart(3, '0')}`
    return { id, topic: `${TOPIC_PREFIX}/tenant-${tenant}/project-${project}/${id}` }
  })
}

/**
 * One reading as JSON.
 * @param runId tells the readings of one run of the simulator from those of another in the same table
 * @param seq   1, 2, 3, … for each device
 */
export function readingOf(device: Device, runId: string, seq: number, nowMs: number): string {
  const temperature = (20 + 10 * Math.sin(seq / 50)).toFixed(1)
  const humidity = (60 + 15 * Math.cos(seq / 70)).toFixed(1)
  return (
    `{"deviceId":"${device.id}","timestamp":${Math.floor(nowMs / 1000)},"temperature":${temperature},` +
    `"humidity":${humidity},"seq":${seq},"run":"${runId}"}`
  )
}

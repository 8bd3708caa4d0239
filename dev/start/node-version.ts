/** Node.js 20 is the oldest that the package runs on, and no longer the fastest. */
export const RECOMMENDED_NODE = 24

/** @returns a line for the terminal, or `undefined` when this Node.js is new enough */
export function newerNodeHint(version: string = process.versions.node): string | undefined {
  if (Number.parseInt(version, 10) >= RECOMMENDED_NODE) return undefined
  return `Node.js: ${version}; ${RECOMMENDED_NODE} is faster (npm run node24 -- npm start)`
}

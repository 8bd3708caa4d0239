/** A headless Chromium from the PATH; nothing is downloaded. */
import { spawnSync } from 'node:child_process'
import { chromium, type Browser } from 'playwright-core'

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome']

/** Quiet towards the internet: without these a start tries to reach a dozen hosts. */
const QUIET = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** @throws Error that says what to install when there is no browser */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = PROGRAMS.map((name) =>
    spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim(),
  ).find((found) => found !== '')
  if (executablePath === undefined) {
    throw new Error(`a browser is needed: put ${PROGRAMS.join(' or ')} on the PATH`)
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...QUIET] })
}

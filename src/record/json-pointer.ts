/** JSON pointers, RFC 6901: `/a~1b/0` leads to element 0 of the property `a/b`. */

/** @param pointer with a slash at its beginning; empty: the value as a whole */
export function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** How a name is written in a pointer. */
export function pointerStep(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** `lz4js` brings no types. */
declare module 'lz4js' {
  /** Of one LZ4 frame. @throws Error when it is none */
  export function decompress(frame: Uint8Array): Uint8Array
}

/** `kafkajs-snappy` brings no types: a function that makes the codec object kafkajs asks for. */
declare module 'kafkajs-snappy' {
  const codec: () => unknown
  export = codec
}

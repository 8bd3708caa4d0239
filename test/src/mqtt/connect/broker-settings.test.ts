import assert from 'node:assert/strict'
import {
  checkBrokerSettings,
  parseBrokerUrls,
  refusePassword,
  usesTls,
  type BrokerSettings,
  type BrokerUrl,
} from '../../../../src/mqtt/connect/broker-settings'

const settings: BrokerSettings = {
  urls: parseBrokerUrls('mqtt://localhost'),
  clientId: 'pipeline',
  protocol: 'auto',
  keepAliveSeconds: 60,
  sessionExpirySeconds: 3600,
  queueMessages: 1000,
  cleanSession: false,
  safe: true,
}

describe('broker addresses', () => {
  for (const [text, protocol, hostname, port, path, host] of [
    ['mqtt://localhost:1884', 'mqtt', 'localhost', 1884, '', 'localhost:1884'],
    ['localhost', 'mqtt', 'localhost', 1883, '', 'localhost:1883'],
    ['broker.example:8000', 'mqtt', 'broker.example', 8000, '', 'broker.example:8000'],
    ['mqtts://h', 'mqtts', 'h', 8883, '', 'h:8883'],
    ['tls://h:1', 'mqtts', 'h', 1, '', 'h:1'],
    ['ws://h/mqtt?x=1', 'ws', 'h', 80, '/mqtt?x=1', 'h:80'],
    ['wss://h:8084', 'wss', 'h', 8084, '/', 'h:8084'],
    ['mqtt://h:80/', 'mqtt', 'h', 80, '', 'h:80'],
    ['mqtt://[::1]:1883', 'mqtt', '::1', 1883, '', '[::1]:1883'],
  ] as const) {
    it(`reads ${text}`, () => {
      assert.deepEqual(parseBrokerUrls(text), [{ protocol, hostname, port, path, host }])
    })
  }

  it('takes user and password out of the address', () => {
    const [url] = parseBrokerUrls('mqtt://me:p%40ss@h:1')
    assert.deepEqual([url?.host, url?.username, url?.password], ['h:1', 'me', 'p@ss'])
  })

  it('takes no password that stands in the flow file, and says where it belongs', () => {
    refusePassword(parseBrokerUrls('mqtt://me@h, mqtt://i'))
    assert.throws(() => refusePassword(parseBrokerUrls('mqtt://me:p%40ss@h')), {
      code: 'CONFIG_INVALID',
      message:
        /put user and password into the fields of the configuration node, or into environment variables/,
    })
  })

  it('reads several, in order', () => {
    assert.deepEqual(
      parseBrokerUrls('mqtt://a, mqtts://b').map(({ host }) => host),
      ['a:1883', 'b:8883'],
    )
    assert.deepEqual(
      parseBrokerUrls('mqtt://me:a,b c@a, mqtts://d').map(({ host }) => host),
      ['a:1883', 'd:8883'],
    )
  })

  it('does not take words for hosts', () => {
    assert.throws(() => parseBrokerUrls('not a url'), /put a comma between/)
    assert.equal(parseBrokerUrls('mqtt://a:1 mqtt://b:1').length, 2)
  })

  it('knows which are encrypted', () => {
    assert.equal(usesTls(parseBrokerUrls('wss://h')[0] as BrokerUrl), true)
    assert.equal(usesTls(parseBrokerUrls('ws://h')[0] as BrokerUrl), false)
  })

  for (const text of ['', ' , ', 'http://h', 'mqtt://', 'mqtt://h:port']) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => parseBrokerUrls(text), { code: 'CONFIG_INVALID' })
    })
  }

  it('shows no password when it refuses an address', () => {
    assert.throws(
      () => parseBrokerUrls('http://me:secret@h'),
      (error: Error) => !error.message.includes('secret'),
    )
  })
})

describe('safe mode', () => {
  for (const [what, unsafe, clientId] of [
    ['a clean session', { cleanSession: true }, 'id'],
    ['no client id', {}, ''],
    ['a session that is not kept', { sessionExpirySeconds: 0 }, 'id'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => checkBrokerSettings({ ...settings, ...unsafe }, clientId), { code: 'MQTT_UNSAFE' })
    })
  }

  it('lets through what was chosen', () => {
    checkBrokerSettings({ ...settings, safe: false, cleanSession: true }, 'id')
    checkBrokerSettings({ ...settings, safe: false, cleanSession: true }, '')
    checkBrokerSettings({ ...settings, safe: false, sessionExpirySeconds: 0 }, 'id')
  })

  it('lets the broker decide about the session in MQTT 3.1.1', () => {
    checkBrokerSettings({ ...settings, protocol: '3.1.1', sessionExpirySeconds: 0 }, 'id')
  })

  it('refuses TLS settings without an encrypted address', () => {
    assert.throws(() => checkBrokerSettings({ ...settings, tls: {} }, 'id'), /mqtts:\/\//)
  })
})

import { asker, confirm } from '../../editor/ask'
import { offerTest } from '../../editor/connection-test'
import { offer } from '../../editor/dialog'
import { showRows, tableOf, valueOf, type Cell } from '../../editor/form'
import { isReadable, properties } from '../../editor/properties'
import { isVariable, textOf, type EditorNode } from '../../editor/node'
import { connectionConfig, parseServers } from '../../src/postgres/connect/connection'

const type = 'tenant-postgres'

/** What is in the ledger for a sink, a consumer group and a topic. */
interface Position {
  readonly sink: string
  readonly group: string
  readonly clusterId: string
  readonly topic: string
  readonly partitions: readonly number[]
  readonly lastMoved: string
  /** The sink is in the flow. */
  readonly deployed: boolean
}

offer(type, {
  properties: properties(
    type,
    {
      url(text) {
        if (this.address === 'fields') return true
        if (!isReadable(() => connectionConfig(text, 'auto'))) return false
        // The URL is part of the flow file, so there must be no password in it.
        return connectionConfig(text, 'auto').password === '' || this._('shared.reason.password')
      },
      host(text) {
        return this.address !== 'fields' || isReadable(() => parseServers(text, 5432))
      },
      databaseName(text) {
        return this.address !== 'fields' || text !== ''
      },
      user(text) {
        return this.address !== 'fields' || text !== ''
      },
    },
    { tls: { type: 'tls-config', isUsed: ({ tlsMode }) => tlsMode !== 'off', isOptional: true } },
  ),
  label() {
    const url = textOf(this.url)
    if (this.name) return this.name
    if (this.address === 'fields') return ofFields(textOf(this.databaseName), textOf(this.host))
    if (isVariable(url)) return url
    // A URL that may hold a piece of a login is not shown, and of others only the place.
    const [, scheme = '', hosts = '[', database = ''] =
      /^(\w+:\/\/)(?:[^:/?#@]*@)?([^/?#@]*)(\/[^?#@]*)?(?:\?[^#@]*)?$/.exec(url) ?? []
    const isPlain = hosts.split(',').every((host) => /^([^\s:[\]]*|\[[^\s\]]+\])(:\d+)?$/.test(host))
    return isPlain ? `PostgreSQL ${scheme}${hosts}${database}` : 'PostgreSQL'
  },
  oneditprepare() {
    offerTest(type, this)
    $('#tenant-postgres-show-positions').on('click', positions(this))
    showRows('#node-config-input-address, #node-config-input-tlsMode', () => {
      const areFields = valueOf('#node-config-input-address') === 'fields'
      const tlsMode = valueOf('#node-config-input-tlsMode')
      return {
        '.tenant-postgres-url': !areFields,
        '.tenant-postgres-fields': areFields,
        '.tenant-postgres-tls': tlsMode !== 'off',
        '.tenant-postgres-unverified': tlsMode === 'no-verify',
      }
    })
  },
})

/** What is no name or no host may hold a piece of a login, and is not shown. */
function ofFields(database: string, hosts: string): string {
  const isPlain = /^[^\s:/?#@]*$/.test(database) && isReadable(() => parseServers(hosts, 5432))
  const place = isPlain || isVariable(hosts) ? [database, hosts] : []
  return place.filter((part) => part !== '').join('@') || 'PostgreSQL'
}

/** @returns lists the positions in the ledger, with a button for those of sinks that are no longer in the flow */
function positions(node: EditorNode): () => void {
  const place = $('#tenant-postgres-positions')
  const ask = asker(type, node, place, 'tenant-postgres.positions.noAnswer')

  const show = (): void =>
    ask('positions', {}, ({ positions }: { readonly positions: readonly Position[] }) => {
      if (positions.length === 0) return place.text(node._('tenant-postgres.positions.none'))
      const heads = [
        node._('tenant-postgres.positions.sink'),
        node._('tenant-postgres.positions.group'),
        node._('tenant-postgres.positions.topic'),
        node._('tenant-postgres.positions.partitions'),
        node._('tenant-postgres.positions.lastMoved'),
        '',
      ]
      return place.append(tableOf(heads, positions.map(cellsOf)))
    })

  const cellsOf = (position: Position): Cell[] => {
    const { sink, group, topic, partitions, lastMoved, deployed } = position
    const last = deployed
      ? node._('tenant-postgres.positions.deployed')
      : $('<button type="button" class="red-ui-button red-ui-button-small">')
          .text(node._('tenant-postgres.positions.remove'))
          .on('click', () => remove(position))
    return [sink, group, topic, String(partitions.length), lastMoved.slice(0, 19), last]
  }

  const remove = ({ sink, group, clusterId, topic, partitions, lastMoved }: Position): void => {
    const words = node._('tenant-postgres.positions.confirm', {
      sink,
      group,
      topic,
      count: partitions.length,
    })
    const answers = {
      no: node._('tenant-postgres.positions.keep'),
      yes: node._('tenant-postgres.positions.remove'),
    }
    confirm(words, answers, () => ask('positions/remove', { sink, group, clusterId, topic, lastMoved }, show))
  }

  return show
}

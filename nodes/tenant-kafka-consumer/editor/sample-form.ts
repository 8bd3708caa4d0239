/** The part of the dialog that shows the last record that went into the flow. */
import { asker } from '../../../editor/ask'
import { tableOf } from '../../../editor/form'
import type { EditorNode } from '../../../editor/node'

interface RecordSample {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly time?: string
  readonly fields: readonly (readonly [path: string, value: string])[]
  readonly payload: string
}

export function editSample(node: EditorNode): void {
  const result = $('<div id="tenant-kafka-consumer-sampled" role="status">').css({
    marginTop: 8,
    overflowX: 'auto',
  })
  const ask = asker('tenant-kafka-consumer', node, result, 'tenant-kafka-consumer.sample.noAnswer')
  const show = ({ sample }: { readonly sample?: RecordSample }): void => {
    if (sample === undefined) return void result.text(node._('tenant-kafka-consumer.sample.none'))
    const { topic, partition, offset, time, fields, payload } = sample
    const place = node._('tenant-kafka-consumer.sample.place', {
      topic,
      partition,
      offset,
      time: time ?? '?',
    })
    const breaks = { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }
    const cell = (text: string): JQuery => $('<span>').css({ overflowWrap: 'anywhere' }).text(text)
    result.append(
      $('<div>').css(breaks).append($('<b>').text(place)),
      tableOf(
        [node._('tenant-kafka-consumer.sample.property'), node._('tenant-kafka-consumer.sample.value')],
        fields.map(([path, value]) => [cell(`msg.${path}`), cell(value)]),
      ),
      $('<div>').css({ marginTop: 8 }).text('msg.payload'),
      $('<pre>')
        .css({ ...breaks, maxHeight: 200, overflowY: 'auto' })
        .text(payload),
    )
  }
  const button = $('<button type="button" class="red-ui-button">')
    .append('<i class="fa fa-eye"></i> ', $('<span>').text(node._('tenant-kafka-consumer.sample.show')))
    .on('click', () => ask('sample', {}, show))
  $('#tenant-kafka-consumer-sample').addClass('form-row').empty().append(button, result)
}

/** The partitions that have stopped, in the dialog of a consumer and in the sidebar, and the button that releases one. */
import { asker, confirm } from '../../../editor/ask'
import type { EditorNode } from '../../../editor/node'

const type = 'tenant-kafka-consumer'

interface StoppedPartition {
  readonly topic: string
  readonly partition: number
  /** Where the group is to read next. */
  readonly nextOffset: number
  /** What Kafka has. */
  readonly earliest: number
  readonly latest: number
  /** Why it has stopped. */
  readonly message: string
}

/** @returns lists them at the place, each with where it is to read again */
export function stoppedPartitions(node: EditorNode, place: JQuery): () => void {
  const ask = asker(type, node, place, 'tenant-kafka-consumer.stopped.noAnswer')

  const show = (): void =>
    ask('stopped', {}, ({ partitions }: { readonly partitions: readonly StoppedPartition[] }) => {
      if (partitions.length === 0) place.text(node._('tenant-kafka-consumer.stopped.none'))
      else place.append(partitions.map(partOf))
    })

  const partOf = (stopped: StoppedPartition): JQuery => {
    const { nextOffset, earliest, latest, message } = stopped
    const isThere = nextOffset >= earliest && nextOffset <= latest
    const input = $<HTMLInputElement>('<input type="number" style="width: 120px">')
      .attr({ min: earliest, max: latest })
      .val(isThere ? nextOffset : earliest)
    const button = $('<button type="button" class="red-ui-button">')
      .text(node._('tenant-kafka-consumer.stopped.goOn'))
      .on('click', () => {
        if (input[0]?.reportValidity() && input.val() !== '') release(stopped, Number(input.val()))
      })
    const range = node._('tenant-kafka-consumer.stopped.range', { earliest, latest })
    return $('<div style="margin-bottom: 12px">').append(
      $('<div class="form-tips" style="max-width: none">').text(message),
      $('<span>').text(`${node._('tenant-kafka-consumer.stopped.at')} `),
      input,
      $('<span>').text(` (${range}) `),
      button,
    )
  }

  const release = ({ topic, partition, nextOffset }: StoppedPartition, offset: number): void => {
    const values = { topic, partition, offset, nextOffset, last: offset - 1, count: offset - nextOffset }
    const words =
      offset > nextOffset
        ? node._('tenant-kafka-consumer.stopped.skip', values)
        : offset < nextOffset
          ? node._('tenant-kafka-consumer.stopped.back', values)
          : node._('tenant-kafka-consumer.stopped.again', values)
    const answers = {
      no: node._('tenant-kafka-consumer.stopped.keep'),
      yes: node._('tenant-kafka-consumer.stopped.goOn'),
    }
    confirm(words, answers, () => ask('stopped/release', { topic, partition, offset }, show))
  }

  return show
}

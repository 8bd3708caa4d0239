/** In a real browser: a partition that has stopped is shown in the dialog, and resumes after a question. */
import assert from 'node:assert/strict'
import { closeDialog, openDialog } from '../../dev/dialog'
import { picture, TestEditor } from '../support/editor'
import { createTestTopic, deleteRecordsBefore, sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { committedOffset, numbered, produce } from '../support/kafka-consumers'
import { until } from '../support/until'

describe('the dialog of the consumer in the editor', function () {
  this.timeout(180_000)
  let editor: TestEditor
  let brokers: string
  let topic: string
  const group = uniqueName('group')
  before(async () => {
    brokers = (await sharedKafka()).address
    topic = await createTestTopic(brokers)
    await produce(brokers, topic, numbered(100))
    await withAdmin(brokers, (admin) =>
      admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '10' }] }),
    )
    await deleteRecordsBefore(brokers, topic, 50)
    editor = await TestEditor.start([
      { id: 'tab', type: 'tab', label: 'Flow 1' },
      { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
      {
        id: 'consumer',
        type: 'tenant-kafka-consumer',
        z: 'tab',
        x: 200,
        y: 100,
        cluster: 'cluster',
        topics: topic,
        group,
        wires: [['debug'], []],
      },
      { id: 'debug', type: 'debug', z: 'tab', x: 500, y: 100, wires: [] },
    ])
    await until('the partition has stopped', () => editor.nodeRed.statuses.get('consumer')?.fill === 'red')
  })
  after(async () => {
    await editor?.stop()
  })

  it('shows what has stopped and what Kafka has, and lets it resume', async () => {
    const page = await editor.open()
    await openDialog(page, 'consumer')
    await page.locator('#tenant-kafka-consumer-show-stopped').click()
    const place = page.locator('#tenant-kafka-consumer-stopped')
    await place.getByText('offsets 10 to 49: 40 records were never read').waitFor()
    const offset = place.locator('input')
    assert.equal(await offset.inputValue(), '50')
    await place.scrollIntoViewIfNeeded()
    await picture(page, 'stopped')

    await offset.fill('7')
    await place.getByRole('button', { name: 'Resume' }).click()
    assert.equal(await page.locator('.red-ui-notification').count(), 0, 'an offset that Kafka has no more')
    await offset.fill('60')
    await place.getByRole('button', { name: 'Resume' }).click()
    const question = page.locator('.red-ui-notification', { hasText: 'offsets 10 to 59 (50)' })
    await question.waitFor()
    await picture(page, 'release')
    await question.getByRole('button', { name: 'Resume' }).click()
    await place.getByText('None: this consumer reads all of its partitions').waitFor()
    await until('it reads again', () => editor.nodeRed.statuses.get('consumer')?.fill === 'green')
    assert.equal(await committedOffset(brokers, { group, topic }), 100)
  })

  it('offers the topics and groups of the cluster, and says what it has of the name', async () => {
    const page = await editor.open()
    await openDialog(page, 'consumer')
    const hintOf = (name: string) => page.locator(`.form-row:has(#node-input-${name}) [role=status]`)
    await hintOf('topics').getByText('Partitions: 1, records: 50').waitFor()
    await hintOf('group').getByText('resumes where it stopped').waitFor()

    const topics = page.locator('#node-input-topics')
    await topics.fill('')
    await topics.pressSequentially(topic.slice(0, -1))
    await page.locator('.red-ui-autoComplete-container').getByText(topic).click()
    assert.equal(await topics.inputValue(), topic)
    await picture(page, 'chosen-topic')
    await topics.fill(`${topic}, ${topic}-mistyped`)
    await topics.blur()
    await hintOf('topics').getByText(`${topic}-mistyped: The cluster has no topic of this name`).waitFor()
    await hintOf('group').getByText('resumes').waitFor()
    const elsewhere = uniqueName('topic')
    await topics.fill(elsewhere)
    await topics.blur()
    await hintOf('topics').getByText('no node of the flow writes to it: check the name').waitFor()
    await picture(page, 'missing-topic')

    const field = page.locator('#node-input-group')
    await field.fill('')
    await field.pressSequentially(group.slice(0, -1))
    await page.locator('.red-ui-autoComplete-container').getByText(group).click()
    assert.equal(await field.inputValue(), group)
    await closeDialog(page, 'cancel')
  })

  it('says that a group is in use elsewhere', async () => {
    const used = uniqueName('group')
    const other = await createTestTopic(brokers)
    await withAdmin(brokers, (admin) =>
      admin.setOffsets({ groupId: used, topic: other, partitions: [{ partition: 0, offset: '0' }] }),
    )
    const page = await editor.open()
    await openDialog(page, 'consumer')
    await page.locator('#node-input-group').fill(used)
    await page.locator('#node-input-group').blur()
    await page
      .locator('.form-row:has(#node-input-group) .tenant-pipeline-warning')
      .getByText(`positions in other topics, too (${other})`)
      .waitFor()
    await picture(page, 'used-group')
  })
})

/** One rule in the list: which records it is for, and the schema. */
import type { EditorNode } from '../../../editor/node'
import { WHENS, type FaultKey, type When } from '../../../src/validate/rules'
import { FAULT_WORDS, type Entry } from './entries'
import { checkSchema } from './schema-check'

const CHOICES: Readonly<Record<When | 'schema' | 'file', string>> = {
  any: 'tenant-validate.when.any',
  tenant: 'tenant-validate.when.tenant',
  project: 'tenant-validate.when.project',
  device: 'tenant-validate.when.device',
  topic: 'tenant-validate.when.topic',
  property: 'tenant-validate.when.property',
  or: 'tenant-validate.when.or',
  schema: 'tenant-validate.from.schema',
  file: 'tenant-validate.from.file',
}
const ROW = { display: 'flex', flexWrap: 'wrap', gap: '4px 6px', marginBottom: 4 }
const FIELD = { flex: '1 1 150px', minWidth: 0, width: 'auto', margin: 0 }
const WRONG = { color: 'var(--red-ui-text-color-error)', overflowWrap: 'anywhere' }
/** Which of the fields is wrong, by the fault. */
const FIELD_OF: Readonly<Partial<Record<FaultKey, 'when' | 'property' | 'is' | 'schema'>>> = {
  when: 'when',
  orFirst: 'when',
  property: 'property',
  empty: 'is',
  expression: 'is',
  lookAround: 'is',
  topic: 'is',
  noSchema: 'schema',
  notJson: 'schema',
  notSchema: 'schema',
}

export class RuleRow {
  private readonly when: JQuery
  private readonly property: JQuery
  private readonly is: JQuery
  private readonly name: JQuery
  private readonly from: JQuery
  private readonly file: JQuery
  private readonly schema: JQuery
  private readonly title = $('<div class="tenant-validate-title">').css({ fontSize: 12, marginBottom: 4 })
  private readonly fault = $('<div class="tenant-validate-fault">').css(WRONG)

  /** @param given the entry, whose further properties are kept */
  constructor(
    private readonly node: EditorNode,
    container: JQuery,
    private readonly given: Entry,
    onChange: () => void,
  ) {
    this.when = this.choice('tenant-validate.rules.when', WHENS, given.when)
    this.property = this.field('tenant-validate.rules.property', given.property)
    this.is = this.field('tenant-validate.rules.is', given.is)
    this.name = this.field('tenant-validate.rules.name', given.name)
    this.from = this.choice(
      'tenant-validate.rules.from',
      ['schema', 'file'],
      given.file === undefined ? 'schema' : 'file',
    )
    this.file = this.field('tenant-validate.rules.file', given.file)
    this.schema = $('<textarea rows="7" spellcheck="false" class="tenant-validate-schema">')
      .val(given.schema ?? '')
      .attr({ 'aria-label': node._('tenant-validate.rules.schema'), placeholder: '{ "type": "object" }' })
      .css({ width: '100%', boxSizing: 'border-box', fontFamily: 'monospace', resize: 'vertical', margin: 0 })
    const said = $('<div class="tenant-validate-said">').css({ overflowWrap: 'anywhere' })
    container.append(
      this.title,
      $('<div>').css(ROW).append(this.when, this.property, this.is),
      $('<div>').css(ROW).append(this.from, this.file, this.name),
      this.schema,
      said,
      this.fault,
    )
    const check = checkSchema(node, said)
    const look = (): void => {
      this.show()
      check(this.entry.file === undefined ? String(this.schema.val()) : undefined)
    }
    container.on('input change', 'input, select, textarea', () => {
      look()
      onChange()
    })
    look()
  }

  get entry(): Entry {
    const textIn = (field: JQuery): string => String(field.val()).trim()
    const isFile = this.from.val() === 'file'
    return {
      ...this.given,
      name: textIn(this.name),
      when: this.when.val() as When,
      property: textIn(this.property),
      is: textIn(this.is),
      schema: isFile ? undefined : String(this.schema.val()),
      file: isFile ? textIn(this.file) : undefined,
    } as Entry
  }

  /** Numbers the rule, and says below it what the node would refuse. */
  mark(index: number, fault: FaultKey | undefined): void {
    this.title.text(this.node._('tenant-validate.rules.row', { row: index + 1 }))
    // `checkSchema` says these itself, with their place.
    const isSaid = fault === undefined || fault === 'notJson' || fault === 'notSchema'
    this.fault.text(isSaid ? '' : this.node._(FAULT_WORDS[fault]))
    const wrong = fault && FIELD_OF[fault]
    const { when, property, is, schema, file } = this
    const isFile = this.from.val() === 'file'
    when.toggleClass('input-error', wrong === 'when')
    property.toggleClass('input-error', wrong === 'property')
    is.toggleClass('input-error', wrong === 'is')
    schema.toggleClass('input-error', wrong === 'schema' && !isFile)
    file.toggleClass('input-error', wrong === 'schema' && isFile)
  }

  private show(): void {
    const when = String(this.when.val())
    const isFile = this.from.val() === 'file'
    this.property.toggle(when === 'property')
    this.is
      .toggle(when !== 'any' && when !== 'or')
      .attr(
        'placeholder',
        this.node._(when === 'topic' ? 'tenant-validate.rules.isTopic' : 'tenant-validate.rules.isName'),
      )
    this.file.toggle(isFile)
    this.schema.toggle(!isFile)
  }

  private field(words: string, value: string | undefined): JQuery {
    return $('<input type="text">')
      .addClass(classOf(words))
      .val(value ?? '')
      .attr({ 'aria-label': this.node._(words), placeholder: this.node._(words) })
      .css(FIELD)
  }

  private choice(
    words: string,
    values: readonly (keyof typeof CHOICES)[],
    chosen: string | undefined,
  ): JQuery {
    return $('<select>')
      .addClass(classOf(words))
      .attr('aria-label', this.node._(words))
      .css({ ...FIELD, flex: '1 1 130px' })
      .append(values.map((value) => $('<option>').val(value).text(this.node._(CHOICES[value]))))
      .val(chosen ?? values[0] ?? '')
  }
}

/** `tenant-validate-is` for the field whose words are `tenant-validate.rules.is`. */
const classOf = (words: string): string => words.replace('.rules.', '-')

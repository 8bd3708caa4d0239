/** The part of Node-RED's editor that the dialogs use: one global, and the widgets that it adds to jQuery. */

interface EditorNotification {
  close(): void
}

interface NotificationButton {
  readonly text: string
  readonly class?: string
  readonly click: () => void
}

declare const RED: {
  readonly nodes: {
    /** A new id. */
    id(): string
    node(id: string): import('./node').EditorNode | null
    eachNode(callback: (node: import('./node').EditorNode) => void): void
    filterLinks(filter: {
      readonly source?: { readonly id: string }
      readonly target?: { readonly id: string }
    }): readonly {
      readonly source: import('./node').EditorNode
      readonly target: import('./node').EditorNode
    }[]
  }
  notify(
    html: string,
    options:
      | 'error'
      | {
          readonly type: string
          readonly timeout?: number
          readonly modal?: boolean
          readonly fixed?: boolean
          readonly buttons?: readonly NotificationButton[]
        },
  ): EditorNotification
}

/** A list whose rows are edited in place. `Row` is kept with its element as `data('data')`. */
interface EditableListOptions<Row> {
  readonly header: JQuery
  readonly height: string
  readonly sortable: boolean
  readonly removable: boolean
  readonly buttons: readonly {
    readonly id: string
    readonly icon: string
    readonly label: string
    readonly click: () => void
  }[]
  sortItems(): void
  removeItem(): void
  addItem(container: JQuery, index: number, row: Row): void
}

/** A field with a choice of what it holds. */
interface TypedInputType {
  readonly value: string
  readonly label: string
  readonly icon?: string
  readonly hasValue?: boolean
  readonly validate?: (value: string) => boolean | string
  readonly autoComplete?: (typed: string) => string[]
}

// The type parameter has to be as in jQuery's own declaration.
// eslint-disable-next-line @typescript-eslint/no-unused-vars
interface JQuery<TElement = HTMLElement> {
  editableList<Row>(options: EditableListOptions<Row>): JQuery
  editableList(method: 'items'): JQuery
  editableList(method: 'empty'): void
  editableList(method: 'addItem', row: object): void
  typedInput(options: { readonly types: readonly TypedInputType[]; readonly default: string }): JQuery
  typedInput(method: 'type' | 'value'): string
  typedInput(method: 'type' | 'value', value: string): void
}

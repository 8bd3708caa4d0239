/** The part of Node-RED's editor that the dialogs use: one global, and the widgets that it adds to jQuery. */

interface EditorNotification {
  close(): void
}

/** A tab has a label, a subflow a name. */
interface EditorFlow {
  readonly label?: string
  readonly name?: string
  readonly locked?: boolean
}

interface EditorLink {
  readonly source: import('./node').EditorNode
  readonly sourcePort: number
  readonly target: import('./node').EditorNode
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
    eachNode(look: (node: import('./node').EditorNode) => void): void
    eachConfig(look: (node: import('./node').EditorNode) => void): void
    workspace(id?: string): EditorFlow | null | undefined
    subflow(id?: string): EditorFlow | null | undefined
    filterLinks(filter: {
      readonly source?: { readonly id: string }
      readonly sourcePort?: number
      readonly target?: { readonly id: string }
    }): readonly EditorLink[]
    add(node: import('./node').EditorNode): import('./node').EditorNode
    addLink(link: EditorLink): void
    updateConfigNodeUsers(
      node: object,
      options: { readonly action: 'add' | 'remove'; readonly emitEvent?: boolean },
    ): void
    /** Something is to be deployed. */
    dirty(isDirty?: boolean): boolean
  }
  /** The words of a key: `<catalogue>:<key>`. */
  _(key: string, values?: object): string
  readonly user: { hasPermission(permission: string): boolean }
  readonly sidebar: {
    addTab(tab: {
      readonly id: string
      readonly label: string
      readonly name: string
      readonly iconClass: string
      readonly content: JQuery
      readonly enableOnEdit: boolean
      /** It is chosen. */
      readonly onchange: () => void
    }): void
  }
  readonly events: { on(event: string, listener: () => void): void }
  readonly editor: { validateNode(node: object): void }
  readonly view: {
    /** Brings it into sight, and lets it flash. */
    reveal(id: string): void
    select(id: string): void
    /** @param updateActive when nodes or wires were added */
    redraw(updateActive?: boolean): void
    /** As if it came from the palette; it has to be added. */
    createNode(
      type: string,
      x: number,
      y: number,
      z: string | undefined,
    ): { readonly node: import('./node').EditorNode; readonly historyEvent: object }
  }
  readonly history: { push(event: object): void }
  readonly utils: {
    getNodeLabel(node: import('./node').EditorNode, otherwise: string): string
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
  readonly header?: JQuery
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
  searchBox(options: {
    readonly style: 'compact'
    readonly delay: number
    readonly change: () => void
  }): JQuery
  autoComplete(options: {
    readonly minLength: number
    readonly search: (
      typed: string,
      done: (found: readonly { readonly value: string; readonly label: JQuery }[]) => void,
    ) => void
  }): JQuery
  editableList<Row>(options: EditableListOptions<Row>): JQuery
  editableList(method: 'items'): JQuery
  editableList(method: 'empty'): void
  editableList(method: 'addItem', row: object): void
  autoComplete(options: {
    readonly minLength: number
    readonly search: (
      typed: string,
      done: (found: readonly { readonly value: string; readonly label: JQuery }[]) => void,
    ) => void
  }): JQuery
  typedInput(options: { readonly types: readonly TypedInputType[]; readonly default: string }): JQuery
  typedInput(method: 'type' | 'value'): string
  typedInput(method: 'type' | 'value', value: string): void
}

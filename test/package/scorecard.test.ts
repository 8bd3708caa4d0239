/** The rules of `node-red-dev validate` that need no network. */
import assert from 'node:assert/strict'
import ts from 'typescript'
import {
  editorDefinition,
  registrationScript,
  exampleFiles,
  filesIn,
  manifest,
  nodeTypes,
  readJson,
  readText,
} from '../support/package'

const INLINE = ['category', 'color', 'defaults', 'credentials', 'inputs', 'outputs', 'icon']

function isLiteral(value: ts.Expression): boolean {
  return (
    ts.isStringLiteral(value) ||
    ts.isNumericLiteral(value) ||
    ts.isObjectLiteralExpression(value) ||
    value.kind === ts.SyntaxKind.TrueKeyword ||
    value.kind === ts.SyntaxKind.FalseKeyword
  )
}

/** The arguments of `RED.nodes.registerType` in a template. */
function registration(type: string): readonly ts.Expression[] {
  const source = ts.createSourceFile(
    `${type}.js`,
    registrationScript(type),
    ts.ScriptTarget.Latest,
    true,
    ts.ScriptKind.JS,
  )
  let found: readonly ts.Expression[] | undefined
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === 'RED.nodes.registerType')
      found = node.arguments
    ts.forEachChild(node, visit)
  }
  visit(source)
  assert.ok(found, `${type} registers nothing`)
  return found
}

describe('the scorecard', () => {
  it('P01, P03, P04, P05: licence, repository, scoped name, keyword', () => {
    assert.equal(manifest.license, 'Apache-2.0')
    assert.ok(manifest.repository)
    assert.match(manifest.name, /^@[a-z\d][\w-.]+\/[a-z\d][\w-.]*$/)
    assert.ok(manifest.keywords.includes('node-red'))
  })

  it('P06, P07: takes Node-RED 4.1 and 5, and the oldest Node.js of both', () => {
    assert.equal(manifest['node-red'].version, '>=4.1.0')
    assert.equal(manifest.engines.node, '>=20')
  })

  it('D01, D02: at most nine dependencies, and no old agent-base among them', () => {
    // The scorecard likes six; reading every codec of Kafka is worth two more, validating payloads one. See docs/decisions/dependencies.md.
    assert.ok(Object.keys(manifest.dependencies).length <= 9)
    const lock = readJson('package-lock.json') as {
      packages: Record<string, { version: string; dev?: boolean }>
    }
    const old = Object.entries(lock.packages).filter(
      ([place, entry]) =>
        entry.dev !== true && place.endsWith('/agent-base') && Number(entry.version.split('.')[0]) < 6,
    )
    assert.deepEqual(old, [])
  })

  it('no runtime dependency needs an install script, which npm may block', () => {
    const lock = readJson('package-lock.json') as {
      packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }>
    }
    const scripted = Object.entries(lock.packages).filter(
      ([place, entry]) => place !== '' && entry.dev !== true && entry.hasInstallScript === true,
    )
    assert.deepEqual(
      scripted.map(([place]) => place),
      [],
    )
  })

  it('N02: each node stands in an example', () => {
    const used = new Set(
      exampleFiles().flatMap((file) => (readJson(file) as { type: string }[]).map(({ type }) => type)),
    )
    assert.deepEqual(
      nodeTypes.filter((type) => !used.has(type)),
      [],
    )
  })

  for (const type of nodeTypes) {
    it(`the definition of ${type} is made of literals that the library can read`, () => {
      const [name, definition] = registration(type)
      assert.ok(name && ts.isStringLiteral(name) && name.text === type)
      assert.ok(definition && ts.isObjectLiteralExpression(definition))
      for (const property of definition.properties) {
        if (!ts.isPropertyAssignment(property) || !INLINE.includes(property.name.getText())) continue
        assert.ok(isLiteral(property.initializer), property.getText())
      }
    })

    it(`the dialog of ${type} keeps to the properties and colours that Node-RED leaves to nodes`, () => {
      const reserved = Object.keys(editorDefinition(type).defaults).filter((property) =>
        /^.$|^(id|type|wires|inputs)$/.test(property),
      )
      assert.deepEqual(reserved, [])
      assert.doesNotMatch(readText(`nodes/${type}/${type}.html`), /style="[^"]*#[0-9a-f]{3}/i)
    })
  }

  it('no file is an ES module by its name: the palette would lose its nodes in silence', () => {
    assert.deepEqual(
      [...filesIn('src'), ...filesIn('editor'), ...filesIn('nodes')].filter((file) => /\.m[jt]s$/.test(file)),
      [],
    )
  })
})

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import {
  catalogueFile,
  editorDefinition,
  filesIn,
  helpFile,
  manifest,
  nodeTypes,
  readJson,
  readText,
  ROOT,
  templateFile,
} from '../support/package'

/** As WCAG 2 defines it, from 1 to 21. */
function contrast(...colours: [string, string]): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [dark = 0, light = 0] = colours.map(luminance).sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

describe('the manifest', () => {
  it('lists exactly the nodes that have a folder', () => {
    const folders = readdirSync(path.join(ROOT, 'nodes'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
    assert.deepEqual([...nodeTypes].sort(), folders.sort())
  })

  it('names the plugin that has a folder', () => {
    const folders = readdirSync(path.join(ROOT, 'plugins'))
    const { plugins } = manifest['node-red']
    assert.deepEqual(Object.keys(plugins), folders)
    for (const name of folders) assert.equal(plugins[name], `dist/plugins/${name}/${name}.js`)
  })

  it('has a reason for every package that it installs at run time', () => {
    const { dependencies } = readJson('package.json') as { readonly dependencies: object }
    const named = [...readText('docs/decisions/dependencies.md').matchAll(/^\| `([^`]+)`/gm)]
    assert.deepEqual(named.map(([, name]) => name).sort(), Object.keys(dependencies).sort())
  })

  for (const type of nodeTypes) {
    it(`names a file for ${type} that has its template, words and help beside it`, () => {
      assert.equal(manifest['node-red'].nodes[type], `dist/nodes/${type}/${type}.js`)
      for (const file of [
        `nodes/${type}/${type}.js`,
        templateFile(type),
        catalogueFile(type),
        helpFile(type),
      ]) {
        assert.ok(existsSync(path.join(ROOT, 'dist', file)), `dist/${file}`)
      }
      assert.deepEqual(Object.keys(readJson(catalogueFile(type)) as object), [type])
    })

    it(`gives ${type} a help with inputs, outputs and details where it has them`, () => {
      const help = readText(helpFile(type))
      assert.match(help, new RegExp(`<script type="text/markdown" data-help-name="${type}">`))
      const { category, inputs, outputs } = editorDefinition(type)
      assert.match(help, /### Details/)
      if (category === 'config') return
      if (inputs === 1) assert.match(help, /### Inputs/)
      if ((outputs ?? 0) > 0) assert.match(help, /### Outputs/)
    })

    it(`gives ${type} an icon that is in the package, or makes it a configuration node`, () => {
      const { category, icon } = editorDefinition(type)
      if (category === 'config') return
      assert.equal(category, 'tenant pipeline')
      assert.ok(icon !== undefined)
      const places = nodeTypes.map((other) => path.join(ROOT, 'dist/nodes', other, 'icons', icon))
      assert.ok(places.some(existsSync), `${icon} lies beside no declared node`)
    })
  }

  it('gives nodes of one job one colour, on which the white icon and the dark label can be read', () => {
    const flowNodes = nodeTypes.map(editorDefinition).filter(({ category }) => category !== 'config')
    const colours = new Set(flowNodes.map(({ color = '' }) => color))
    assert.equal(colours.size, 5, 'MQTT, topics and batches, Kafka, PostgreSQL, dead letters')
    for (const colour of colours) {
      assert.ok(contrast(colour, '#ffffff') >= 2.7, `${colour} and the icon`)
      assert.ok(contrast(colour, '#333333') >= 4.3, `${colour} and the label`)
    }
  })

  it('ships icons that are white on nothing, 2:3', () => {
    for (const file of filesIn('icons')) {
      const icon = readText(file)
      assert.match(
        icon,
        /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="40" height="60" viewBox="0 0 40 60">/,
      )
      const colours = [...icon.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, colour]) => colour)
      assert.deepEqual(
        [...new Set(colours)].sort(),
        ['#fff', 'none'].filter((c) => colours.includes(c)),
      )
    }
  })
})

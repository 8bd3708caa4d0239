/** The dashboards that Grafana reads are those that their sources describe. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DASHBOARDS, fileOf, textOf } from '../../../deploy/monitoring/dashboards/generate'
import { dashboards } from '../../support/grafana'

describe('the dashboards', () => {
  for (const name of Object.keys(DASHBOARDS)) {
    it(`have ${name}.json as ${name}.ts describes it (npm run dashboards)`, async () => {
      assert.equal(readFileSync(fileOf(name), 'utf8'), await textOf(name))
    })
  }

  for (const { title, panels } of dashboards) {
    it(`of ${title} ask a question in each panel, and give the answer a unit`, () => {
      for (const { title, fieldConfig, targets, gridPos } of panels) {
        assert.match(title, /\?/)
        const { defaults, overrides } = fieldConfig
        assert.ok(defaults.unit !== undefined || overrides.length > 0, `${title} has no unit`)
        assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
        assert.ok(gridPos.x + gridPos.w <= 24, title)
      }
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    })
  }
})

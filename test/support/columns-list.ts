/** The list of columns in the dialog of a sink. */
import type { Locator, Page } from 'playwright-core'

export const rows = (page: Page): Locator => page.locator('#tenant-postgres-sink-columns > li')
export const row = (page: Page, index: number): Locator => rows(page).nth(index)
export const cell = (place: Locator, name: string): Locator => place.getByRole('textbox', { name })
export const sourceField = (place: Locator): Locator => place.locator('.red-ui-typedInput-input')

/** Column, source as it is to be seen, type; of each row. */
export async function shownRows(page: Page): Promise<string[][]> {
  const all = await rows(page).all()
  return Promise.all(
    all.map(async (place) => {
      const label = await place.locator('.red-ui-typedInput-type-label').innerText()
      const source = sourceField(place)
      return [
        await cell(place, 'Column').inputValue(),
        label.trim() + ((await source.isVisible()) ? await source.inputValue() : ''),
        await cell(place, 'Type').inputValue(),
      ]
    }),
  )
}

export async function addRow(page: Page, column: string, from: string, type = ''): Promise<void> {
  const before = await rows(page).count()
  await page.locator('.tenant-postgres-sink-columns-list').getByRole('button', { name: 'add' }).click()
  const place = row(page, before)
  await cell(place, 'Column').fill(column)
  await sourceField(place).fill(from)
  await cell(place, 'Type').fill(type)
}

/** `npm run test:all`, after the linters. */
const { all, sideBySide } = require('./files.cjs')

module.exports = sideBySide(all)

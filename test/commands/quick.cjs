/** `npm test`, after the linters. */
const { quick, sideBySide } = require('./files.cjs')

module.exports = sideBySide(quick)

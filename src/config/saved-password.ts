/** What Node-RED's editor has, and sends back, in place of a password that was saved. */
export const SAVED_PASSWORD = '__PWRD__'

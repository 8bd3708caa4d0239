/**
 * A script for the page, a function of an element: texts in it whose colour is too close to what is behind them, by the rule
 * of WCAG 2.
 */
export const paleTexts = (selector: string): string => `(form) => {
  const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const behind = (element) => {
    for (let place = element; place !== null; place = place.parentElement) {
      const [red, green, blue, alpha = 1] = rgb(getComputedStyle(place).backgroundColor)
      if (alpha > 0.5) return [red, green, blue]
    }
    return [255, 255, 255]
  }
  const luminance = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const texts = form.querySelectorAll('${selector}')
  return [...texts].filter((text) => {
    const lights = [luminance(rgb(getComputedStyle(text).color)), luminance(behind(text))].sort()
    return text.getClientRects().length > 0 && (lights[1] + 0.05) / (lights[0] + 0.05) < 4.5
  }).map((text) => text.textContent.trim())
}`

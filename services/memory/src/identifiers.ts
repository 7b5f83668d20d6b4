/** `E` and the number with at least four digits, never cut: 2 → E0002, 10000 → E10000. */
export function identifierOf(number: number): string {
  return `E${String(number).padStart(4, '0')}`
}

/** The number a display identifier names, in any case and padding; undefined for what is none. */
export function numberOf(text: string): number | undefined {
  const digits = /^e0*([1-9][0-9]{0,8})$/i.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

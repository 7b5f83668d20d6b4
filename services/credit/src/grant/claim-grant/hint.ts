/** An address that its owner recognises and nobody else learns: `j•••@e•••.com`, one group of dots whatever the length. */
export function emailHint(email: string): string {
  const [local = '', domain = ''] = email.split('@')
  const labels = domain.split('.')
  const top = labels.length > 1 ? `.${labels.at(-1)}` : ''
  return `${first(local)}•••@${first(domain)}•••${top}`
}

function first(text: string): string {
  return [...text][0] ?? ''
}

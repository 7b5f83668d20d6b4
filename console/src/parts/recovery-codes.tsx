import { Button } from './button.tsx'
import { Copy } from './copy.tsx'
import styles from './recovery-codes.module.css'
import rows from './rows.module.css'

/** Codes that are shown once, and the ways to keep them. */
export function RecoveryCodes({ codes }: { readonly codes: readonly string[] }) {
  const text = codes.join('\n')
  return (
    <div className={styles.kept}>
      <ol className={styles.codes} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className={rows.acts}>
        <Copy text={text} label="Copy" />
        <Button look="quiet" onPress={() => download(text)}>
          Download
        </Button>
        <Button look="quiet" onPress={() => window.print()}>
          Print
        </Button>
      </div>
    </div>
  )
}

function download(text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }))
  link.download = 'loomworks-recovery-codes.txt'
  link.click()
  URL.revokeObjectURL(link.href)
}
